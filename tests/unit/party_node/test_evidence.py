"""Evidence of real runs: an honest bundle passes, and every single way of cheating fails."""

import dataclasses
from collections.abc import Callable, Mapping

import pytest

from consent.audit import Check, Outcome
from consent.checkpoint import LogSigner, checkpoint_of
from consent.policy import parse_policy, write_policy
from consent.preferences import ChannelChoice, PreferenceEvent
from consent.statements import Method
from coordinator.wire import RECEIPT_LABEL, JobEvent
from party_node.evidence import bundle as evidence
from party_node.evidence import run_ledger
from party_node.evidence.bundle_audit import audit_bundle
from party_node.evidence.files import (
    INCOMPLETE,
    LEDGER,
    MANIFEST,
    README,
    RECEIPT_KEY,
    RUNS,
    RunFile,
    read_signatures,
    write_signatures,
)
from party_node.job_tables import CollaborationRow
from party_node.policy.notices import Draft, publish
from protocols.codec import Record, decode, encode
from protocols.collaboration import Collaboration, Member, digest
from protocols.context import context
from protocols.dp.queries.reading import read_query
from protocols.job import (
    OPERATIONS,
    Acceptance,
    JobDescription,
    ReceiptPart,
    RunReceipt,
    job_hash,
)
from protocols.joint.asked_again import JointAgain
from protocols.keys import PartyKeys
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.signed import Signed, SignedBySeveral, peek, sign
from protocols.sums.insight import Insight
from protocols.sums.segments import EVERYBODY
from tests.support.evidence import Evidence, exported, failed, relisted, run, unpacked
from tests.support.seeded import seeded
from tests.support.two_nodes import BRAND, PARTIES, PUBLISHER, TwoNodes, two_nodes

YEARS_MS = 3 * 365 * 24 * 3600 * 1000
FREE_TEXT = {README, LEDGER + README}
"""What these say is no claim; the manifest still says that they were changed."""

OWN = "the use record of this ledger is about this job"
OTHER = "every other ledger holds the use record it names"
AGREED = "all parties signed the agreement"


@pytest.fixture(scope="module")
def proof() -> Evidence:
    return exported()


# -- honest --------------------------------------------------------------------------------


@pytest.mark.parametrize("party", PARTIES)
def test_an_honest_bundle_passes_every_check(proof: Evidence, party: str) -> None:
    checks = proof.check(proof.files(party), party)
    assert failed(checks) == set()
    noted = [c.what for c in checks if c.outcome is Outcome.NOTED]
    short = proof.broken[:8]
    unsigned, unseen = f"run {short}: is not shown as a run", f"use {short}: it has its run receipt"
    assert noted == [unsigned] or (party == PUBLISHER and noted == [unseen])
    passed = {c.what: c.detail for c in checks if c.outcome is Outcome.PASSED}
    for job in (proof.overlap, proof.audience):
        assert passed[f"run {job[:8]}: all parties signed the same receipt"]
        assert "permitted" in passed[f"run {job[:8]}: {OWN}"]
        assert "witnessed" in passed[f"run {job[:8]}: {OTHER}"]
    for name, fingerprint in proof.fingerprints().items():
        assert passed[f"keys of {name}: fingerprint {fingerprint}"] == "is the one you gave"


def test_without_policy_and_fingerprints_the_reader_is_told_what_to_compare(
    proof: Evidence,
) -> None:
    checks = audit_bundle(proof.files())
    assert failed(checks) == set()
    noted = {c.what: c.detail for c in checks if c.outcome is Outcome.NOTED}
    assert "other means" in noted["policy"]
    for name, fingerprint in proof.fingerprints().items():
        assert "other means" in noted[f"keys of {name}: fingerprint {fingerprint}"]


def test_a_run_that_one_side_did_not_sign_is_named_and_not_shown_as_a_run(
    proof: Evidence,
) -> None:
    files = proof.files()
    assert [n for n in files if proof.broken in n] == [run(proof.broken, INCOMPLETE)]
    said = files[run(proof.broken, INCOMPLETE)].decode()
    assert said == "signed by brand, not by publisher: there is no result\n"
    for job in (proof.overlap, proof.audience):
        assert {n.rsplit("/", 1)[1] for n in files if job in n} == set(RunFile)


def test_evidence_outlives_the_collaboration() -> None:
    with two_nodes() as world:
        job = world.brand.ask("overlap")
        world.settle(job)
        world.clock.now_ms += YEARS_MS
        for only in (None, job):
            files = unpacked(evidence.bundle(world.brand.services, only))
            assert run(job, RunFile.RECEIPT) in files
            assert failed(audit_bundle(files)) == set()


def test_signatures_that_an_older_node_did_not_keep_are_fetched() -> None:
    with two_nodes() as world:
        job = world.brand.ask("overlap")
        world.settle(job)
        with world.brand.db.writing() as session:
            for row in world.brand.rows(CollaborationRow):
                row.countersignatures = "{}"
                session.merge(row)
        files = unpacked(evidence.bundle(world.brand.services, job))
    assert set(read_signatures(files[run(job, RunFile.COUNTERSIGNATURES)])) == set(PARTIES)
    assert failed(audit_bundle(files)) == set()


def test_a_use_that_broke_off_before_any_receipt_is_noted() -> None:
    with two_nodes() as world:
        job = world.brand.ask("overlap")
        world.settle(job, until=lambda: world.brand.use(job) is not None)
        going = unpacked(evidence.bundle(world.brand.services, job))
        world.publisher.services.jobs.report(job, JobEvent.FAIL, "internal")
        world.settle(job)
        ended = unpacked(evidence.bundle(world.brand.services, job))
    for files, how in ((going, "it had not ended"), (ended, "it was aborted (internal)")):
        (noted,) = (c for c in audit_bundle(files) if c.what.startswith("use "))
        said = f"no receipt: the ledger says {how}"
        assert (noted.outcome, noted.detail) == (Outcome.NOTED, said)


def test_the_verifier_expects_what_the_gate_was_asked(proof: Evidence) -> None:
    signed = proof.files()[run(proof.overlap, RunFile.JOB)]
    job = peek(JobDescription, decode(Signed, signed))
    for kind, names in OPERATIONS.items():
        said = dataclasses.replace(job, kind=kind, protocol="")
        assert run_ledger.operations(said) == "/".join(names)
    asked = read_query({"query": "reach", "dataset": "a", "model": "0" * 32, "price": {"rho": "1"}})
    reach = dataclasses.replace(job, kind="insight", question=encode(Insight(asked, EVERYBODY)))
    assert run_ledger.operations(reach) == "psi/lookalike.score"
    age = FeatureSpecification((Feature("age", FeatureKind.NUMERIC),))
    by = JointAgain("0" * 32, "a", age, "b", age, 1)
    again = dataclasses.replace(job, kind="joint", question=encode(by))
    assert run_ledger.operations(again) == "psi/lookalike.score"
    assert run_ledger.operations(dataclasses.replace(job, kind="magic")) is None


# -- a file changed, dropped, swapped ------------------------------------------------------


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_changed_byte_in_any_file_fails(proof: Evidence) -> None:
    files = proof.files()
    for name, data in files.items():
        for at in {0, len(data) // 2, len(data) - 1} if data else ():
            changed = files | {name: flipped(data, at)}
            assert failed(proof.check(changed)), f"{name} at {at}"


def test_a_changed_byte_fails_even_where_the_lists_are_made_anew(proof: Evidence) -> None:
    files = proof.files()
    for name in set(files) - FREE_TEXT - {MANIFEST, run(proof.broken, INCOMPLETE)}:
        data = files[name]
        for at in {0, len(data) // 3, len(data) // 2, len(data) - 1} if data else ():
            checks = proof.check(relisted(files | {name: flipped(data, at)}))
            # The auditor brought a policy: what the bundle proposes is not used.
            assert failed(checks) or name == LEDGER + "policy.txt", f"{name} at {at}"


def test_a_missing_file_fails(proof: Evidence) -> None:
    files = proof.files()
    for name in files:
        assert failed(proof.check({n: d for n, d in files.items() if n != name})), name


def test_a_missing_file_fails_even_where_the_lists_are_made_anew(proof: Evidence) -> None:
    files = proof.files()
    # Nothing in the bundle is signed with the key of receipts: it is there for those who have one.
    left_out = {LEDGER + README, MANIFEST, LEDGER + "policy.txt", RECEIPT_KEY}
    left_out.add(run(proof.broken, INCOMPLETE))
    for name in set(files) - left_out:
        assert failed(proof.check(relisted({**files, name: None}))), name


def test_leaving_out_a_whole_run_fails(proof: Evidence) -> None:
    files = relisted({n: d for n, d in proof.files().items() if proof.audience not in n})
    assert failed(proof.check(files)) == {"it has its run receipt"}


def test_a_finished_run_cannot_pass_for_a_broken_one(proof: Evidence) -> None:
    files = {n: d for n, d in proof.files().items() if proof.audience not in n}
    files[run(proof.audience, INCOMPLETE)] = b"brand signed, publisher did not\n"
    assert failed(proof.check(relisted(files))) == {"it has its run receipt"}


def test_a_run_is_complete_or_not(proof: Evidence) -> None:
    files = proof.files() | {run(proof.audience, INCOMPLETE): b"neither\n"}
    assert "is not shown as a run" in failed(proof.check(relisted(files)))


@pytest.mark.parametrize("file", list(RunFile))
def test_a_file_of_another_run_fails(proof: Evidence, file: RunFile) -> None:
    files = proof.files()
    first, second = run(proof.overlap, file), run(proof.audience, file)
    if files[first] == files[second]:
        assert file in (RunFile.AGREEMENT, RunFile.COUNTERSIGNATURES, RunFile.CONSISTENCY)
        return
    swapped = files | {first: files[second], second: files[first]}
    assert failed(proof.check(relisted(swapped)))


def test_runs_under_each_others_names_fail(proof: Evidence) -> None:
    files = proof.files()
    swapped = dict(files)
    for file in RunFile:
        swapped[run(proof.overlap, file)] = files[run(proof.audience, file)]
        swapped[run(proof.audience, file)] = files[run(proof.overlap, file)]
    checks = audit_bundle(relisted(swapped), proof.policy())
    assert failed(checks) == {"all its files are there and can be read"}


def test_a_file_that_has_no_place_is_told(proof: Evidence) -> None:
    for name in ("more.txt", "runs/readme", f"{RUNS}{proof.overlap}/more.cbor", "../up"):
        checks = proof.check(relisted(proof.files() | {name: b"more"}))
        (found,) = (c for c in checks if c.what.startswith("files: all"))
        assert (found.outcome, found.detail) == (Outcome.FAILED, f"{name} has no place in a bundle")


def test_a_bundle_without_a_use_is_evidence_of_nothing(proof: Evidence) -> None:
    what = "the bundle shows what data was used for"
    assert what in failed(audit_bundle({}))
    files = {n: d for n, d in proof.files().items() if not n.startswith(RUNS)}
    only = {n: d for n, d in files.items() if "entries/" not in n or "entries/0." in n}
    assert failed(audit_bundle(relisted(only), proof.policy())) == {what}


# -- forged with the keys of both parties: each check on its own -----------------------------

Change = Callable[[RunReceipt], RunReceipt]


def forged(proof: Evidence, change: Change) -> set[str]:
    """Return what fails when both parties have signed another receipt of the overlap."""
    files = proof.files()
    receipt = change(decode(RunReceipt, files[run(proof.overlap, RunFile.RECEIPT)]))
    files |= signed_receipt(proof.overlap, receipt, proof.keys)
    return failed(proof.check(relisted(files)))


def signed_receipt(
    job: str, receipt: RunReceipt, keys: Mapping[str, PartyKeys]
) -> dict[str, bytes]:
    encoded = encode(receipt)
    signatures = {party: k.sign(RECEIPT_LABEL, encoded) for party, k in keys.items()}
    return {
        run(job, RunFile.RECEIPT): encoded,
        run(job, RunFile.SIGNATURES): write_signatures(signatures),
    }


def part(**changes: object) -> Callable[[ReceiptPart], ReceiptPart]:
    return lambda found: dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def own(receipt: RunReceipt, change: Callable[[ReceiptPart], ReceiptPart]) -> RunReceipt:
    return dataclasses.replace(
        receipt, parts=(change(receipt.parts[0]), receipt.parts[1])
    )  # the brand's overlap


def other(receipt: RunReceipt, change: Callable[[ReceiptPart], ReceiptPart]) -> RunReceipt:
    return dataclasses.replace(receipt, parts=(receipt.parts[0], change(receipt.parts[1])))


def head(**changes: object) -> Callable[[ReceiptPart], ReceiptPart]:
    return lambda found: dataclasses.replace(
        found,
        head=dataclasses.replace(found.head, **changes),  # type: ignore[arg-type]
    )


def test_the_use_record_of_another_job_fails(proof: Evidence) -> None:
    files = proof.files()
    theirs = decode(RunReceipt, files[run(proof.audience, RunFile.RECEIPT)]).parts[1]
    assert theirs.party == BRAND
    assert forged(proof, lambda r: own(r, lambda _: dataclasses.replace(
        theirs, transcripts=r.parts[0].transcripts
    ))) == {OWN}  # fmt: skip


HEADS = {
    "index beyond the tree": part(index=2**40),
    "negative index": part(index=-1),
    "index of another entry": part(index=0),
    "no proof": part(inclusion=()),
    "a short hash": part(inclusion=(b"short",)),
    "empty note": part(note=""),
    "no note": part(note="no note"),
    "size 0": head(size=0),
    "other root": head(root=bytes(32)),
    "empty root": head(root=b""),
    "other use record": head(use_record=bytes(32)),
    "other origin": head(origin="accord/somebody/consent"),
}


@pytest.mark.parametrize("change", HEADS.values(), ids=HEADS)
def test_a_head_that_is_not_that_of_the_ledger_fails(
    proof: Evidence, change: Callable[[ReceiptPart], ReceiptPart]
) -> None:
    assert forged(proof, lambda r: own(r, change)) == {OWN}
    assert forged(proof, lambda r: other(r, change)) == {OTHER}


def test_a_checkpoint_without_the_witness_fails(proof: Evidence) -> None:
    def bare(found: ReceiptPart) -> ReceiptPart:
        text, _, signatures = found.note.rpartition("\n\n")
        alone = [s for s in signatures.splitlines() if f" {found.head.origin} " in s]
        return dataclasses.replace(found, note=f"{text}\n\n" + "".join(f"{s}\n" for s in alone))

    assert forged(proof, lambda r: own(r, bare)) == {OWN}
    assert forged(proof, lambda r: other(r, bare)) == {OTHER}


def test_a_checkpoint_of_another_log_key_of_the_same_name_fails(proof: Evidence) -> None:
    def stranger(found: ReceiptPart) -> ReceiptPart:
        said = checkpoint_of(found.note)
        note = LogSigner(said.origin, b"\x07" * 32).sign(said.size, said.root)
        return dataclasses.replace(found, note=note)

    assert forged(proof, lambda r: other(r, stranger)) == {OTHER}


ELSE: dict[str, Change] = {
    "job": lambda r: dataclasses.replace(r, job_hash=bytes(32)),
    "ctx": lambda r: dataclasses.replace(r, ctx=bytes(32)),
    "one side's transcript": lambda r: own(r, part(transcripts=(bytes(32),))),
    "no transcript": lambda r: own(r, part(transcripts=())),
    "a part too few": lambda r: dataclasses.replace(r, parts=r.parts[:1]),
    "sides": lambda r: dataclasses.replace(r, parts=r.parts[::-1]),
}


@pytest.mark.parametrize("change", ELSE.values(), ids=ELSE)
def test_a_receipt_about_something_else_fails(proof: Evidence, change: Change) -> None:
    assert forged(proof, change) == {"the receipt is about this job and these keys"}


def test_a_policy_without_the_other_witness_is_not_enough(proof: Evidence) -> None:
    trusted = proof.policy()
    nobody = parse_policy(write_policy(trusted.logs, {}, 0))
    assert failed(audit_bundle(proof.files(), nobody)) == {OWN, OTHER}


def test_the_bundle_of_another_log_fails(proof: Evidence) -> None:
    """Runs of the brand beside the ledger of somebody whom the agreement does not name."""
    checks = audit_bundle(proof.files(), proof.policy(PUBLISHER))
    assert failed(checks) >= {"checkpoint", OWN, OTHER}


# -- agreements that were never made ---------------------------------------------------------


def agreement_of(files: Mapping[str, bytes], job: str) -> Collaboration:
    return decode(Collaboration, files[run(job, RunFile.AGREEMENT)])


def retold(
    proof: Evidence, agreed: Collaboration, keys: Mapping[str, PartyKeys], job: str = ""
) -> dict[str, bytes]:
    """Return the overlap of the brand's bundle, told anew under another agreement.

    With `job`, the run has that name: a use record of that name must be in the ledger.
    """
    files = proof.files()
    before = {file: files.pop(run(proof.overlap, file)) for file in RunFile}
    asked = peek(JobDescription, decode(Signed, before[RunFile.JOB]))
    name = job or asked.job
    asked = dataclasses.replace(asked, job=name, collaboration_hash=digest(agreed))
    yes = Acceptance(job_hash(asked), PUBLISHER, "person:boss", False, asked.created_ms)
    receipt = decode(RunReceipt, before[RunFile.RECEIPT])
    receipt = dataclasses.replace(receipt, job_hash=job_hash(asked))
    if all(k.party == party for party, k in keys.items()):
        ctx = context(asked, keys[BRAND].public(), keys[PUBLISHER].public())
        receipt = dataclasses.replace(receipt, ctx=ctx)
    signatures = {party: sign(k, agreed).signature for party, k in keys.items()}
    told: dict[RunFile, Record] = {
        RunFile.JOB: sign(keys[BRAND], asked),
        RunFile.ACCEPTANCES: SignedBySeveral((sign(keys[PUBLISHER], yes),)),
        RunFile.AGREEMENT: agreed,
    }
    files |= {run(name, file): encode(record) for file, record in told.items()}
    files[run(name, RunFile.COUNTERSIGNATURES)] = write_signatures(signatures)
    files[run(name, RunFile.CONSISTENCY)] = before[RunFile.CONSISTENCY]
    return files | signed_receipt(name, receipt, keys)


def with_keys(agreed: Collaboration, keys: PartyKeys) -> Collaboration:
    members = tuple(
        dataclasses.replace(m, public=keys.public()) if m.party == PUBLISHER else m
        for m in agreed.members
    )
    return dataclasses.replace(agreed, members=members)


def test_an_agreement_that_the_other_party_never_signed_fails(proof: Evidence) -> None:
    files = proof.files()
    looser = dataclasses.replace(agreement_of(files, proof.overlap), minimum_size=1)
    alone = {BRAND: proof.keys[BRAND], PUBLISHER: PartyKeys.generate(PUBLISHER, seeded("fake"))}
    assert failed(proof.check(relisted(retold(proof, looser, alone)))) == {AGREED}


def test_one_signature_under_the_agreement_is_not_enough(proof: Evidence) -> None:
    files, name = proof.files(), run(proof.overlap, RunFile.COUNTERSIGNATURES)
    for party in PARTIES:
        one = {party: read_signatures(files[name])[party]}
        assert failed(proof.check(relisted(files | {name: write_signatures(one)}))) == {AGREED}


def test_a_run_under_another_agreement_of_the_same_parties_needs_its_own_use_record(
    proof: Evidence,
) -> None:
    """Both keys signed everything: still the ledger says that another job was permitted."""
    looser = dataclasses.replace(agreement_of(proof.files(), proof.overlap), minimum_size=1)
    assert failed(proof.check(relisted(retold(proof, looser, proof.keys)))) == {OWN}


@pytest.mark.parametrize("shared", ["key", "ledger", "name"])
def test_an_agreement_of_a_party_with_itself_fails(proof: Evidence, shared: str) -> None:
    agreed = agreement_of(proof.files(), proof.overlap)
    mine = agreed.member(BRAND)
    assert mine is not None
    twin = dataclasses.replace(proof.keys[BRAND], party=PUBLISHER)
    keys = dict(proof.keys)

    def changed(member: Member) -> Member:
        if member.party == BRAND:
            return member
        if shared == "ledger":
            return dataclasses.replace(member, ledger_vkey=mine.ledger_vkey)
        keys[PUBLISHER] = twin if shared == "key" else proof.keys[BRAND]
        return dataclasses.replace(member, public=keys[PUBLISHER].public())

    agreed = dataclasses.replace(agreed, members=tuple(changed(m) for m in agreed.members))
    assert AGREED in failed(audit_bundle(relisted(retold(proof, agreed, keys)), proof.policy()))


def test_an_invented_partner_is_seen_by_its_fingerprint() -> None:
    """The strongest lie one party can tell alone: everything is consistent but whose keys."""
    fake = PartyKeys.generate(PUBLISHER, seeded("fake"))
    with two_nodes() as world:
        files = lie(world, fake)
        trusted = parse_policy(files[LEDGER + "policy.txt"])
        real = {p: world.nodes[p].services.home.keys.public().fingerprint() for p in PARTIES}
    shown = f"keys of {PUBLISHER}: fingerprint {fake.public().fingerprint()}"
    checks = audit_bundle(files, trusted)
    assert failed(checks) == set()
    assert found(checks, shown).outcome is Outcome.NOTED
    checks = audit_bundle(files, trusted, real)
    assert found(checks, shown).outcome is Outcome.FAILED
    assert real[PUBLISHER] in found(checks, shown).detail


def lie(world: TwoNodes, fake: PartyKeys) -> dict[str, bytes]:
    """Run an overlap, then tell it anew with an invented partner and a use record to fit."""
    brand, name = world.brand.services, "b" * 32
    true = world.brand.ask("overlap")
    world.settle(true)
    files = unpacked(evidence.bundle(brand))
    agreed = with_keys(agreement_of(files, true), fake)
    keys = {BRAND: brand.home.keys, PUBLISHER: fake}
    story = Evidence(true, "", "", {BRAND: evidence.bundle(brand)}, keys)
    asked = peek(JobDescription, decode(Signed, retold(story, agreed, keys, name)[
        run(name, RunFile.JOB)
    ]))  # fmt: skip
    grant = brand.gate.permit(
        name, job_hash(asked), asked.receiver_dataset, asked.purpose, PUBLISHER,
        OPERATIONS[asked.kind], BRAND, 60_000,
    ).grant  # fmt: skip
    honest = unpacked(evidence.bundle(brand))
    files = {n: d for n, d in retold(story, agreed, keys, name).items() if name in n} | honest
    note = brand.ledger.checkpoints.latest_published()
    assert note is not None
    said = checkpoint_of(note)
    receipt = own(decode(RunReceipt, files[run(name, RunFile.RECEIPT)]), lambda p: ReceiptPart(
        p.party,
        dataclasses.replace(
            p.head, size=said.size, root=said.root, use_record=grant.head.use_record
        ),
        p.transcripts, p.released, note, grant.use_entry,
        tuple(brand.ledger.inclusion_proof(grant.use_entry, said.size)),
    ))  # fmt: skip
    files |= signed_receipt(name, receipt, keys)
    files[run(name, RunFile.CONSISTENCY)] = b""
    return relisted(files)


def found(checks: list[Check], what: str) -> Check:
    (check,) = (c for c in checks if c.what == what)
    return check


def test_a_fingerprint_of_a_party_that_is_not_there_fails(proof: Evidence) -> None:
    checks = audit_bundle(proof.files(), proof.policy(), {"stranger": "0000 " * 7 + "0000"})
    assert failed(checks) == {"keys of stranger"}


def test_the_texts_of_notices_that_entries_name_are_in_the_bundle_and_no_person_is() -> None:
    text = b"We share.\r\n"
    with two_nodes() as world:
        services = world.brand.services
        draft = Draft(notice_id="n", version=1, language="en", purposes=("joint-audience",))
        digest = publish(services.ledger, text, draft, "person:dana").notice.notice_hash
        chosen = PreferenceEvent(
            subject_id=next(iter(services.identity.subject_ids([0]).values())),
            event_time_ms=services.clock_ms(),
            source_id="crm",
            source_event_id="p1",
            method=Method.WEB_FORM,
            preference=ChannelChoice(channel="post", allowed=False),
        )
        (preference,) = services.ledger.append([chosen])
        job = world.brand.ask("overlap")
        world.settle(job)
        whole, one = (unpacked(evidence.bundle(services, only)) for only in (None, job))
    name = f"{LEDGER}notices/{digest.hex()}"
    assert whole[name] == text
    assert failed(audit_bundle(whole)) == set()
    checks = {c.what: c for c in audit_bundle(whole)}
    assert checks[f"notices/{digest.hex()}"].outcome is Outcome.PASSED
    assert not any("its notice is not in the bundle" in c.detail for c in checks.values())
    assert f"{LEDGER}entries/{preference}.payload" not in whole
    assert not any("notices/" in file for file in one)
    changed = relisted(whole | {name: text + b"!"})
    assert f"notices/{digest.hex()}" in failed(audit_bundle(changed))
