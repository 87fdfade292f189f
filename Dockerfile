# One image for every process; the argument says which:
#   docker run estateloop services.common.process.runner billing      a service
#   docker run estateloop services.common.process.relay billing       the relay of its outbox
#   docker run estateloop services.common.process.migrate billing     its database and queues
#   docker run estateloop gateway                             the HTTP API
# Nothing is fetched at run time, and nothing is written but to /tmp.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
COPY requirements.lock /requirements.lock
RUN python -m venv /opt/estateloop \
 && /opt/estateloop/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
    --require-hashes --no-deps -r /requirements.lock

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 estateloop \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin estateloop
ENV PATH=/opt/estateloop/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONWARNINGS=ignore::DeprecationWarning
COPY --from=packages /opt/estateloop /opt/estateloop
WORKDIR /app
COPY services services
COPY gateway gateway
COPY sandbox sandbox
RUN python -m compileall -q /opt/estateloop /app
USER 10001:10001
ENTRYPOINT ["python", "-m"]
CMD ["gateway"]
