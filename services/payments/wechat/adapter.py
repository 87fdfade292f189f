"""ADAPTER to WeChat Pay v3: native orders and the order query. Every answer is verified before it is believed."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

import requests

from services.common.domain.calendar import SHANGHAI
from services.payments.ports import Answer, ChannelUnavailable, Money, NoticeRefused, Order
from services.payments.wechat.keys import Account, Keyring, load_account
from services.payments.wechat.notice import open_notice, parse_object, read_transaction, require_genuine
from services.payments.wechat.signature import authorization

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
STILL_PAYING = "USERPAYING"


class WeChatPay:
    """PaymentChannel over HTTP. `clock` gives aware instants; keys are read at first use."""

    def __init__(
        self, *, url: str, notify_url: str, directory: Path, clock: Callable[[], datetime], use_proxy: bool = False
    ) -> None:
        self._url = url.rstrip("/")
        self._notify_url = notify_url
        self._directory = directory
        self._clock = clock
        self._keyring = Keyring(directory / "platform")
        self._http = requests.Session()
        self._http.trust_env = use_proxy  # HTTPS_PROXY and the like

    @cached_property
    def _account(self) -> Account:
        return load_account(self._directory)

    def place(self, order: Order) -> str:
        """Place a native order; placing it again gives the same code, `out_trade_no` being the key (E1)."""
        status, answer = self._call("POST", "/v3/pay/transactions/native", lambda ours: self._order(ours, order))
        code_url = answer.get("code_url")
        if status != 200 or not isinstance(code_url, str):
            raise ChannelUnavailable(f"order not placed: {status} {answer.get('code')}")
        return code_url

    def _order(self, account: Account, order: Order) -> dict[str, object]:
        return {
            "appid": account.appid,
            "mchid": account.mchid,
            "description": order.description,
            "out_trade_no": order.out_trade_no,
            "time_expire": order.expires_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            "notify_url": self._notify_url,
            "amount": {"total": order.amount_fen, "currency": "CNY"},
        }

    def query(self, out_trade_no: str) -> Money | None:
        """Ask what became of an order (E2). An order the channel does not know holds no money."""
        account = self._our_account()
        status, answer = self._call("GET", f"/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={account.mchid}")
        if status == 404 and answer.get("code") in {"ORDER_NOT_EXIST", "ORDERNOTEXIST"}:
            return None
        if status != 200 or answer.get("trade_state") == STILL_PAYING:
            raise ChannelUnavailable(f"order not known: {status} {answer.get('code') or answer.get('trade_state')}")
        try:
            return read_transaction(answer, account)
        except NoticeRefused as error:
            raise ChannelUnavailable(f"answer not understood: {error}") from error

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Money | None:
        """Verify and open a notification (E2)."""
        return open_notice(headers, body, account=self._account, find_key=self._keyring.find, now=now)

    def accept(self) -> Answer:
        """200 ends the repeats."""
        return Answer(200, "application/json", json.dumps({"code": "SUCCESS", "message": "OK"}))

    def refuse(self, refusal: NoticeRefused) -> Answer:
        """4xx in WeChat's form."""
        return Answer(refusal.status, "application/json", json.dumps({"code": "FAIL", "message": refusal.message}))

    def _our_account(self) -> Account:
        try:
            return self._account
        except (OSError, ValueError, KeyError) as error:
            raise ChannelUnavailable(f"the merchant account cannot be read: {type(error).__name__}") from error

    def _call(
        self, method: str, path: str, content: Callable[[Account], dict[str, object]] | None = None
    ) -> tuple[int, dict[str, object]]:
        """One signed request; (status, JSON object) of an answer that is genuine, else ChannelUnavailable."""
        account = self._our_account()
        body = json.dumps(content(account), ensure_ascii=False).encode() if content else b""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": authorization(
                account.merchant_key,
                mchid=account.mchid,
                serial=account.merchant_serial,
                method=method,
                path=path,
                body=body,
                nonce=secrets.token_hex(16),
                at=self._clock(),
            ),
        }
        try:
            answer = self._http.request(
                method, self._url + path, data=body, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
            require_genuine(answer.headers, answer.content, self._keyring.find, self._clock())
            return answer.status_code, parse_object(answer.content)
        except NoticeRefused as error:
            raise ChannelUnavailable(f"{method}: the answer is not to be trusted: {error}") from error
        except (requests.RequestException, OSError) as error:
            raise ChannelUnavailable(f"{method}: {type(error).__name__}") from error
