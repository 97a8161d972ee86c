"""An attacker who writes the database: no row that decides something can be changed or put in.

Each column of each stamped table is changed: the row is refused where it is used, and fsck names
it. Then the attacks by name: a role, an erasure of somebody else, a budget, an erased person.
"""

import contextlib
import itertools
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Integer, LargeBinary, delete, insert, select, text, update
from sqlalchemy.orm import class_mapper

from consent.requests import RequestType
from party_node.accounts import Account
from party_node.all_tables import all_tables
from party_node.budgets import Budgets
from party_node.database import Database
from party_node.emergencies import Emergencies
from party_node.erasure.holds import Holds
from party_node.errors import RowChanged
from party_node.home import Home
from party_node.identity import EMAIL
from party_node.ledger.fsck import fsck
from party_node.ledger.fsck_rows import place
from party_node.roles.callers import ADMINISTRATOR
from party_node.roles.roles import Roles
from party_node.roles.tables import RoleRow
from party_node.roles.tokens import RoleToken, StaffRole
from party_node.stamps import Stamps, is_stamped
from party_node.tables import BudgetChargeRow, NodeTable
from protocols.codec import encode
from tests.support.desk import ANNA, BO, desk_in
from tests.support.migrated import node_database
from tests.support.node import SeededRng, open_storage, reopen_storage, write_csv

STAMPED = [table for table in all_tables() if is_stamped(table)]
COLUMNS = [
    (table.name, column.name)
    for table in STAMPED
    for column in table.columns
    if not column.info.get("unstamped")
]
CLASSES = {m.local_table.name: m.class_ for m in NodeTable._sa_registry.mappers}


# -- every column of every stamped table -----------------------------------------------------------


def value_of(column, number):
    """Return some value that the column can hold, another one for each number."""
    if isinstance(column.type, Boolean):
        return bool(number % 2)
    if isinstance(column.type, Integer):
        return number
    return bytes([number]) * 32 if isinstance(column.type, LargeBinary) else f"v{number}"


def fill(node):
    """Put one row into every stamped table, as the node itself does."""
    with node.db.writing() as session:
        for table in STAMPED:
            columns = [c for c in table.columns if c.name != "stamp"]
            session.add(CLASSES[table.name](**{c.name: value_of(c, 2) for c in columns}))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    node = open_storage(tmp_path_factory.mktemp("rows"))
    fill(node)
    yield node, node.open_ledger()
    node.db.close()


@contextlib.contextmanager
def changed(node, table, column):
    """Change one column of the only row; give the key that it has then; put it back."""
    keys = list(table.primary_key.columns)
    with node.db.connection() as connection:
        before = connection.execute(select(table)).one()._mapping
        other = value_of(table.columns[column], 3)
        connection.execute(update(table).values({column: other}))
    yield tuple(other if key.name == column else before[key.name] for key in keys)
    with node.db.connection() as connection:
        connection.execute(update(table).values({column: before[column]}))


def refused_and_found(node, ledger, table, column):
    """Assert that a changed row is refused, and named by fsck."""
    with changed(node, table, column) as key:
        with node.db.reading() as session, pytest.raises(RowChanged, match=table.name):
            session.get(CLASSES[table.name], key)
        with pytest.raises(RowChanged), node.db.writing() as session:
            session.execute(select(CLASSES[table.name])).scalars().all()
        named = {f.where for f in fsck(ledger, node.identity).listed if "wrote it" in f.what}
        assert named == {place(table.name, *key)}
    with node.db.reading() as session:
        assert session.execute(select(CLASSES[table.name])).scalars().all()


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(c) for c in COLUMNS])
def test_a_changed_column_is_refused_and_found(filled, table, column):
    node, ledger = filled
    refused_and_found(node, ledger, NodeTable.metadata.tables[table], column)


@pytest.mark.postgres
def test_a_changed_column_is_refused_and_found_on_postgresql(cluster, tmp_path):
    with node_database(cluster) as url:
        node = open_storage(tmp_path, url=url)
        fill(node)
        ledger = node.open_ledger()
        for table in STAMPED:
            refused_and_found(node, ledger, table, table.columns[0].name)
        node.db.close()


def test_a_row_that_somebody_else_put_in_is_refused(filled):
    node, _ = filled
    for table in STAMPED:
        row = {c.name: value_of(c, 5) for c in table.columns}
        with node.db.connection() as connection:
            connection.execute(insert(table).values(row))
        with node.db.reading() as session, pytest.raises(RowChanged):
            session.execute(select(CLASSES[table.name])).scalars().all()
        with node.db.connection() as connection:
            connection.execute(delete(table).where(table.columns[0] == row[table.columns[0].name]))


def test_a_stamp_of_another_row_does_not_fit(filled):
    """Neither of another table nor of another key."""
    node, _ = filled
    stamps = set()
    with node.db.reading() as session:
        for table in STAMPED:
            stamps |= {bytes(stamp) for (stamp,) in session.execute(select(table.columns["stamp"]))}
    assert len(stamps) == len(STAMPED)


def test_two_values_are_never_written_alike(filled):
    """A text that looks like two columns, a number as text, nothing and the empty text."""
    node, _ = filled
    stamps, table = Stamps(node.vault), NodeTable.metadata.tables["rules"]
    plain = {c.name: "" for c in table.columns}
    values = ("", None, "1", 1, True, b"1", b"", "0", 0, False, 1.0)
    made = [stamps.make(table, plain | {"kind": value}) for value in values]
    shifted = [
        stamps.make(table, plain | {"kind": a, "name": b}) for a, b in (("ab", "c"), ("a", "bc"))
    ]
    assert len({*made, *shifted}) == len(made) + 2


def test_the_program_itself_cannot_pass_by_the_stamps(filled):
    node, _ = filled
    with node.db.writing() as session, pytest.raises(TypeError, match="stamped"):
        session.execute(update(RoleRow).values(role="compliance"))
    with node.db.writing() as session, pytest.raises(TypeError, match="stamped"):
        session.execute(insert(RoleRow).values(name="x"))


def test_rows_from_before_there_were_stamps_are_refused_and_named(tmp_path):
    """The step works on a database that has rows; it makes no stamp for anybody's row."""
    home = Home.create(tmp_path / "brand", "brand", "Brand", rng=SeededRng())
    db, scripts = Database(home.database_url), Config()
    scripts.set_main_option("script_location", "party_node:migrations")
    scripts.set_main_option("path_separator", "os")
    before = ScriptDirectory.from_config(scripts).get_revision("0017").down_revision
    with db.connection() as connection:
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, before)
        connection.exec_driver_sql(
            "INSERT INTO roles VALUES ('op', 'operator', x'01', x'02', 1, 'administrator')"
        )
        connection.exec_driver_sql("INSERT INTO erasures VALUES (0, 'r', x'00', '')")
    db.close()
    node = reopen_storage(home.path)
    ledger = node.open_ledger()
    with pytest.raises(RowChanged):
        Roles(ledger, Holds(ledger, node.rng), node.rng)
    named = {f.where for f in fsck(ledger, node.identity).listed}
    assert {"roles op", "erasures 0"} <= named
    node.db.close()


def test_every_mapped_table_is_known():
    assert {table.name for table in all_tables()} == set(CLASSES)
    assert all(class_mapper(cls).local_table.name == name for name, cls in CLASSES.items())


def test_the_documentation_says_of_every_table_what_is_checked():
    """`docs/operate/ledger.md` has each table once, in order, and says which have stamps."""
    text = (Path(__file__).parents[3] / "docs/operate/ledger.md").read_text(encoding="utf-8")
    part = text.split("## Table by table")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    assert [row[0].strip(" `") for row in rows] == [table.name for table in all_tables()]
    said = {row[0].strip(" `") for row in rows if row[1].strip().startswith("stamp")}
    assert said == {table.name for table in STAMPED}


# -- attacks ---------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path):
    with desk_in(tmp_path) as made:
        yield made


def attack(desk, statement, **values):
    with desk.node.db.connection() as connection:
        connection.execute(text(statement), values)


def found(desk):
    return {f.where for f in fsck(desk.ledger, desk.node.identity).listed}


def copied(desk, table, **where):
    """Return a row as it lies there, to be put back later."""
    of = NodeTable.metadata.tables[table]
    with desk.node.db.reading() as session:
        return dict(session.execute(select(of).filter_by(**where)).one()._mapping)


def put_back(desk, table, row):
    """Let a row be as it was once, with the stamp that it had then."""
    of = NodeTable.metadata.tables[table]
    keys = [key == row[key.name] for key in of.primary_key.columns]
    with desk.node.db.connection() as connection:
        connection.execute(delete(of).where(*keys))
        connection.execute(insert(of).values(row))


def restarted(desk):
    return Roles(desk.ledger, desk.holds, desk.node.rng)


def test_nobody_becomes_administrator_through_the_database(desk):
    desk.staff("op", StaffRole.OPERATOR)
    attack(desk, "UPDATE roles SET role = 'administrator'")
    with pytest.raises(RowChanged):
        restarted(desk)
    assert "roles op" in found(desk)


def test_two_roles_that_were_put_in_break_no_glass(desk):
    for name, role in (("ghost-op", StaffRole.OPERATOR), ("ghost-dpo", StaffRole.COMPLIANCE)):
        token = RoleToken.draw(role, desk.node.rng)
        public = encode(token.keys(name).public())
        with desk.node.db.connection() as connection:
            row = {
                "name": name, "role": role.value, "digest": token.digest(), "public": public,
                "added_ms": 0, "added_by": "x", "entry": 0, "stamp": b"s" * 32,
            }  # fmt: skip
            connection.execute(insert(NodeTable.metadata.tables["roles"]).values(row))
    with pytest.raises(RowChanged):
        restarted(desk)
    assert {"roles ghost-op", "roles ghost-dpo"} <= found(desk)


def test_a_revoked_role_that_was_put_back_is_found(desk):
    desk.staff("op", StaffRole.OPERATOR)
    row = copied(desk, "roles", name="op")
    desk.roles.revoke("op", ADMINISTRATOR)
    assert not found(desk)
    put_back(desk, "roles", row)
    assert found(desk) == {"roles op"}
    desk.node.clock.advance(1)
    attack(desk, "DELETE FROM roles")
    desk.staff("op", StaffRole.OPERATOR)
    put_back(desk, "roles", row)  # the old token under the name that has a role again
    assert found(desk) == {"roles op"}


def test_a_role_that_was_taken_away_is_found(desk):
    desk.staff("op", StaffRole.OPERATOR)
    attack(desk, "DELETE FROM roles")
    assert found(desk) == {"roles op"}


def test_an_erase_never_hits_another_person(desk):
    request = desk.verified(RequestType.ERASE, ANNA)
    attack(desk, "UPDATE subject_requests SET subject = 1 - subject")
    with pytest.raises(RowChanged):
        desk.erase(request)
    assert None not in [desk.node.identity.find(EMAIL, mail) for mail in (ANNA, BO)]
    assert f"subject_requests {request}" in found(desk)


def test_an_identifier_that_names_another_person_is_refused(desk):
    attack(desk, 'UPDATE identifiers SET subject = 1 - subject, "check" = NULL')
    with pytest.raises(RowChanged):
        desk.node.identity.find(EMAIL, ANNA)
    with pytest.raises(RowChanged):
        desk.node.identity.resolve([BO], [None])
    assert "an identifier of person 0" in found(desk)


def test_a_request_that_was_set_back_is_found(desk):
    request = desk.open(RequestType.WITHDRAW).request_id
    row = copied(desk, "subject_requests")
    desk.requests.verify(request, "passport shown", "dpo")
    put_back(desk, "subject_requests", row)
    assert found(desk) == {f"request {request[:8]}"}


def test_a_lifted_restriction_that_was_set_back_is_found(desk):
    request = desk.completed(RequestType.RESTRICT)
    row = copied(desk, "subject_requests")
    desk.fulfilling.lift(request, "dpo")
    assert not found(desk)
    put_back(desk, "subject_requests", row)
    assert found(desk) == {f"request {request[:8]}"}


CHANGES = {
    "token": "UPDATE suppressions SET token = :other",
    "kind": "UPDATE suppressions SET kind = 'phone'",
    "entry": "UPDATE suppressions SET entry = entry - 1",
    "gone": "DELETE FROM suppressions",
}


@pytest.mark.parametrize("what", CHANGES)
def test_nobody_who_was_erased_comes_back_because_a_token_was_changed(desk, what):
    desk.erase(desk.verified(RequestType.ERASE, ANNA))
    assert not found(desk)
    kind, token = (copied(desk, "suppressions")[key] for key in ("kind", "token"))
    values = {"other": bytes([token[0], token[1] ^ 1]) + token[2:]} if what == "token" else {}
    attack(desk, CHANGES[what], **values)
    with pytest.raises(RowChanged):
        desk.node.identity.resolve([ANNA], [None])
    assert desk.node.identity.find(EMAIL, ANNA) is None
    assert place("suppressions", kind, token[:1]) in found(desk)


def test_tokens_that_are_gone_with_their_sets_are_found(desk):
    erased = desk.erase(desk.verified(RequestType.ERASE, ANNA))
    attack(desk, "DELETE FROM suppressions")
    attack(desk, "DELETE FROM suppression_sets")
    assert found(desk) == {f"erasure of entry {erased.entry}"}


def test_who_comes_back_by_an_act_of_their_own_can_be_erased_again(desk):
    for times in range(2):
        desk.erase(desk.verified(RequestType.ERASE, ANNA))
        assert desk.node.identity.resolve([ANNA], [None]).suppressed, times
        desk.node.clock.advance(1_000)
        back = [desk.node.clock.now_ms]
        assert desk.node.identity.resolve([ANNA], [None], returning_ms=back).created == 1
        desk.ledger.append([desk.node.event(ANNA, f"back-{times}")])
        assert not found(desk)


def test_an_emergency_approval_is_what_its_entry_says(desk):
    operator = desk.staff("op", StaffRole.OPERATOR)
    officer = desk.staff("dpo", StaffRole.COMPLIANCE)
    emergencies = Emergencies(desk.ledger, desk.node.rng)
    approval = emergencies.approve("j" * 32, "witness is down", operator, officer, 1)
    assert emergencies.standing("j" * 32) == approval
    assert not found(desk)
    row = copied(desk, "emergencies")
    attack(desk, "UPDATE emergencies SET expires_ms = expires_ms + 3600000")
    with pytest.raises(RowChanged):
        emergencies.standing("j" * 32)
    assert found(desk) == {f"emergencies {approval.approval_id}"}
    attack(desk, "DELETE FROM emergencies")
    assert found(desk) == {f"emergencies {approval.approval_id}"}
    put_back(desk, "emergencies", row)
    assert not found(desk)


def charge(desk, job):
    return Budgets(desk.node.db).charge(job, "spring", "shop", "size", 100, 1_000, 5)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE budget_charges SET rho_nano = 0",
        "UPDATE budget_charges SET to_party = 'x'",
        "UPDATE budget_charges SET collaboration = 'x'",
        "DELETE FROM budget_charges WHERE charge = 1",
        "DELETE FROM budget_charges WHERE charge = 2",
        "DELETE FROM budget_charges",
        "DELETE FROM counters WHERE name = 'budget-charges'",
        "UPDATE counters SET value = 1 WHERE name = 'budget-charges'",
    ],
)
def test_no_budget_is_given_back_through_the_database(desk, statement):
    assert charge(desk, "a")
    assert charge(desk, "b")
    assert not found(desk)
    attack(desk, statement)
    with pytest.raises(RowChanged):
        charge(desk, "c")
    with pytest.raises(RowChanged):
        Budgets(desk.node.db).spent(Account("shop"))
    assert any(where.startswith(("budget_charges", "counters")) for where in found(desk))


def test_a_charge_can_be_repeated_after_others(desk):
    charges = [charge(desk, job) for job in ("a", "b", "a")]
    assert charges == [True, True, False]
    with desk.node.db.reading() as session:
        assert session.execute(select(BudgetChargeRow.charge)).scalars().all() == [1, 2]
    assert not found(desk)


JOB = "d" * 32


def permit(desk):
    return desk.gate.permit(
        JOB, b"j" * 32, "people", "joint-audience", "shop", ("psi",), "brand", 600_000
    )


@pytest.fixture
def used(desk, tmp_path):
    """A desk at which a use has been decided."""
    people = write_csv(tmp_path / "people.csv", "key,mail", f"1,{ANNA}", f"2,{BO}")
    desk.node.datasets.register("people", people, "key", "mail", None, "GB")
    permission = permit(desk)
    assert len(permission.allowed) == 2
    return desk, permission


def test_a_permission_does_not_outlast_its_time_through_the_database(used):
    desk, permission = used
    attack(desk, "UPDATE use_permissions SET expires_ms = expires_ms + 1")
    with pytest.raises(RowChanged):
        permit(desk)
    with pytest.raises(RowChanged):
        desk.gate.recheck(permission)
    assert f"use_permissions {JOB}/people" in found(desk)


def test_a_use_that_was_opened_again_is_found(used):
    desk, permission = used
    row = copied(desk, "use_permissions")
    assert not found(desk)
    desk.gate.complete(permission, "completed")
    assert not found(desk)
    put_back(desk, "use_permissions", row)
    assert found(desk) == {f"use_permissions {JOB}/people"}
    attack(desk, "DELETE FROM use_permissions")
    assert found(desk) == {f"use_permissions {JOB}/people"}


def test_other_rows_are_never_read_for_a_job_than_those_of_its_dataset(used):
    desk, permission = used
    attack(desk, "UPDATE datasets SET path = '/etc/passwd'")
    with pytest.raises(RowChanged):
        desk.node.datasets.items(permission, ("email",))
    assert "datasets people" in found(desk)


def test_values_of_a_kind_that_no_column_holds_are_found(filled):
    """SQLite keeps whatever it is given."""
    node, ledger = filled
    if node.db.dialect != "sqlite":
        pytest.skip("PostgreSQL takes no value of another kind")
    for table, (column, value) in itertools.product(
        ("rules",),
        (("allow_reveal", 5), ("allow_reveal", "x"), ("max_rho_nano", "x"), ("kind", b"x")),
    ):
        with node.db.connection() as connection:
            (before,) = connection.exec_driver_sql(f"SELECT {column} FROM {table}").one()
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = ?", (value,))
        named = {f.where for f in fsck(ledger, node.identity).listed}
        assert "rules v2" in named, (column, value)
        with node.db.connection() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = ?", (before,))
