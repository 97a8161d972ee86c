"""`accord consent`: what people said, and why somebody may be used or not."""

from typing import Annotated, Any

import typer

from consent.words import ANY_CHANNEL, SELF
from party_node.cli import imports, mapping, preferring
from party_node.cli.output import (
    DEFAULT_HOME,
    DONE,
    REFUSED,
    HomeOption,
    JsonOption,
    client_of,
    group,
    say,
    show_json,
    when,
)
from party_node.cli.saying import Channel, Purpose, Recipient, saying
from party_node.cli.statement import Email, Phone, person

app = group("consent", "Record what people said, and explain decisions.")


app.add_typer(mapping.app)
app.command("import")(imports.import_file)
app.command("give", help="Record that a person gave consent.")(saying("given", yes=True))
app.command("refuse", help="Record that a person was asked and said no.")(
    saying("refused", yes=False)
)
app.command(
    "withdraw", help="Record that a person takes consent back; it counts from the next decision on."
)(saying("withdrawn", yes=False))
app.command("prefer")(preferring.prefer)
app.command("preferences")(preferring.preferences)


@app.command()
def explain(
    purpose: Purpose,
    operation: Annotated[str, typer.Option(help="psi, dp.stat, activate, …")],
    email: Email = None,
    phone: Phone = None,
    recipient: Recipient = SELF,
    channel: Channel = ANY_CHANNEL,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say whether a person may be used now, and which ledger entry decides. Exit code 3 for no."""
    asked = {"purpose": purpose, "operation": operation, "recipient": recipient}
    asked["channel"] = channel
    found = client_of(home).post("/v1/consent/explanations", asked | person(email, phone))
    if as_json:
        show_json(found)
    else:
        _explain(found)
    raise typer.Exit(DONE if found["decision"] == "allow" else REFUSED)


def _explain(found: dict[str, Any]) -> None:
    say(f"{'permitted' if found['decision'] == 'allow' else 'not permitted'}: {found['reason']}")
    entry = found["deciding_entry"]
    if entry is None:
        say(f"no entry says otherwise; looked at all {found['tree_size']:,} entries")
    else:
        say(f"decided by entry {entry['index']} of {when(entry['recorded_ms'])}")
