"""An agreement of three enrolled parties at a coordinator, and jobs under it."""

import dataclasses
from typing import Any

from coordinator import wire
from protocols.codec import encode
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted, digest
from protocols.envelope import Header, seal
from protocols.job import (
    Acceptance,
    JobDescription,
    LedgerHead,
    ReceiptPart,
    RunReceipt,
    Source,
    job_hash,
)
from protocols.psi.params import RowParams
from protocols.signed import sign
from tests.support.coordinator import JOB, Party, World, b64

PATH = "/v1/collaborations/spring/versions/1"


@dataclasses.dataclass
class ThreeParties:
    """The outsider of `World` is a member here."""

    world: World

    @property
    def all(self) -> tuple[Party, Party, Party]:
        return self.world.brand, self.world.publisher, self.world.outsider

    def agreement(self, **changes: Any) -> Collaboration:
        members = tuple(
            Member(p.id, p.id.title(), p.keys.public(), p.ledger.vkey) for p in self.all
        )
        agreed = self.world.collaboration(
            members=members,
            datasets=tuple(DatasetOffer(p.id, "people", ("email",), ()) for p in self.all),
            permitted=(
                Permitted("overlap", "psi-ring-cardinality/2", "measurement", "brand", False),
            ),
        )
        return dataclasses.replace(agreed, **changes)

    def agree(self) -> Collaboration:
        agreed = self.agreement()
        first, *others = self.all
        signed = {"signed": b64(encode(sign(first.keys, agreed)))}
        assert first.put(PATH, signed).status_code == 201
        for who in others:
            signed = {"signed": b64(encode(sign(who.keys, agreed)))}
            answer = who.post(f"{PATH}/countersignatures", signed)
            assert answer.status_code == 200, answer.text
        assert answer.json()["in_force"]
        return agreed

    def proposed(self) -> JobDescription:
        asked = dataclasses.replace(
            self.world.job(),
            collaboration_hash=digest(self.agree()),
            protocol="psi-ring-cardinality/2",
            params=encode(RowParams(1000)),
            receiver_dataset="people",
            senders=(Source("publisher", "people"), Source("outsider", "people")),
        )
        answer = self.world.propose(asked)
        assert answer.status_code == 201, answer.text
        return asked

    def accept(self, who: Party, asked: JobDescription, **changes: Any) -> Any:
        yes = Acceptance(job_hash(asked), who.id, "person:owner", False, self.world.clock())
        signed = encode(sign(who.keys, dataclasses.replace(yes, **changes)))
        return self.world.say(who, "accept", acceptance=signed)

    def running(self) -> JobDescription:
        asked = self.proposed()
        for who in self.all[1:]:
            assert self.accept(who, asked).status_code == 200
        assert self.world.say(self.world.brand, "start").json()["state"] == "running"
        return asked

    def put(self, sender: Party, to: Party, step: int, body: bytes = b"x") -> Any:
        header = Header(JOB, sender.id, to.id, step)
        envelope = seal(sender.keys, to.keys.public(), header, body)
        return sender.put(wire.path_message(JOB, sender.id, to.id, step), envelope)

    def receipt(self, asked: JobDescription, signers: tuple[Party, ...]) -> wire.ReceiptFiling:
        parts = tuple(
            ReceiptPart(
                p.id,
                LedgerHead(p.ledger.origin, 3, bytes(32), bytes(32)),
                (bytes(32), bytes(32)),
                (),
            )
            for p in self.all
        )
        receipt = encode(RunReceipt(job_hash(asked), bytes(32), parts))
        signatures = {p.id: p.keys.sign(wire.RECEIPT_LABEL, receipt) for p in signers}
        return wire.ReceiptFiling(receipt=receipt, signatures=signatures)
