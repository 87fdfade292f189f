"""The making of the examples: load, live the month, walk through the office, read everything, write it down."""

import json
from collections.abc import Callable
from pathlib import Path

from demo.api import Api, DemoFailure, Json
from demo.examples import charging, collections, figures, operation, portfolio, receivables, service
from demo.examples.reads import read_everything
from demo.examples.recording import Recording
from demo.examples.walk import Walk
from demo.load import load
from demo.month import live
from demo.stage import set_stage
from local.ports import PortBook
from local.private import private_home
from local.supervisor import Stack

FILE = Path(__file__).parents[2] / "gateway" / "examples.json"
PAYERS = 20
ACTS: tuple[Callable[[Walk], None], ...] = (
    portfolio.keep_files,
    portfolio.leave_a_flat,
    portfolio.sell_the_wrong_flat,
    portfolio.appoint_a_steward,
    charging.keep_the_policy,
    charging.change_a_lock,
    charging.withdraw_a_price,
    charging.correct_a_bill,
    charging.void_what_was_paid,
    receivables.ask_for_waivers,
    receivables.sign_instalments,
    receivables.change_policies,
    receivables.prepay,
    receivables.close_the_books,
    receivables.thank_for_paying_early,
    collections.look_into_a_case,
    collections.dispute_a_bill,
    collections.go_to_law,
    collections.close_old_cases,
    figures.fall_behind_a_plan,
    figures.train_a_model,
    service.set_preferences,
    service.set_categories,
    service.deliver_a_letter,
    service.complain,
    operation.replay_a_parked_event,
)


def record(url: str, broker: str, say: Callable[[str], None]) -> dict[str, Json]:
    """Operation → example. DemoFailure when an operation was not heard of."""
    document = Api.at(url).get("/openapi.json")
    recording = Recording(document)
    api = Api.at(url, hear=recording.hear)
    load(api, say)
    stage = set_stage(api, say)
    live(stage, PAYERS)
    walk = Walk(stage, recording, broker)
    for act in ACTS:
        say(f"  {act.__name__.replace('_', ' ')}")
        act(walk)
    read_everything(walk, document)
    if missing := recording.missing():
        raise DemoFailure(f"nothing was recorded of {', '.join(missing)}")
    return recording.examples()


def write(file: Path) -> None:
    """Make the examples on a stack of their own."""
    with private_home() as home:
        port = PortBook(home).port("gateway")
        with Stack(home=home, port=port, demo=False, durable=False, say=print) as stack:
            examples = record(stack.url, stack.amqp_uri, print)
    file.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(examples)} examples written to {file}")
