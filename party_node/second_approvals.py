"""Second approvals: two people in two roles let a budget begin anew, or a question be asked anew.

    renew     an account whose agreement says `month` begins a new calendar month with nothing
              spent: at most once a month, and never by itself
    refresh   a question that was answered is paid and answered anew, once

Both are about the same rows again: what one person may lose is then more than one budget. So an
operator and a compliance officer say so, and an entry of the ledger names both, for ever.
"""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from consent.milestones import OperatorAction
from party_node.accounts import FIRST, Account, month_of
from party_node.budget_books import Books
from party_node.budget_tables import AnswerRefreshRow, AnswerRow, BudgetRenewalRow
from party_node.errors import NotFound, NotRenewable
from party_node.ledger.consent_ledger import Also, ConsentLedger
from party_node.lineages import names_of
from party_node.observability import log
from party_node.roles.callers import Caller
from party_node.tables import BudgetChargeRow

RENEWED = "budget-renewed"
REFRESHED = "answer-refreshed"


class SecondApprovals:
    """The second approvals of one node; each is an entry of its ledger."""

    def __init__(self, ledger: ConsentLedger) -> None:
        self._ledger = ledger

    def renew(self, account: Account, reason: str, two: Sequence[Caller]) -> tuple[str, int]:
        """Let an account begin the present month with nothing spent; return it, and the entry.

        Raises: NotRenewable where the agreement does not say so, nothing was charged yet or the
        month has not changed since; UnknownDataset, RowChanged.
        """
        if not account.monthly:
            raise NotRenewable("the agreement does not let this budget be renewed")
        with self._ledger.hold():
            month = month_of(self._ledger.now())
            with self._ledger.database.reading() as session:
                lineage = Books(session).lineage(account)

            def keep(session: Session, indices: list[int]) -> None:
                books = Books(session)
                names = names_of(session, books.lineage(account))
                since = max(_since(session, books, account.counterparty, n) for n in names)
                if since == FIRST:
                    raise NotRenewable("nothing was charged to this budget yet")
                if month <= since:
                    raise NotRenewable(f"this budget is that of {since} already")
                for name in sorted(names):
                    session.add(
                        BudgetRenewalRow(
                            counterparty=account.counterparty,
                            lineage=name,
                            month=month,
                            entry=indices[0],
                        )
                    )

            detail = f"towards:{account.counterparty}, data:{lineage}, month:{month}, {reason}"
            entry = self._say(RENEWED, detail, two, keep)
        log.warning("budget-renewed", to=account.counterparty, month=month, entry=entry)
        return month, entry

    def refresh(self, answer: int, reason: str, two: Sequence[Caller]) -> int:
        """Let the question of an answer be asked and paid anew; return the entry.

        Again changes nothing: the entry of before is returned. Raises: NotFound, RowChanged.
        """
        with self._ledger.hold():
            with self._ledger.database.reading() as session:
                if session.get(AnswerRow, answer) is None:
                    raise NotFound(f"there is no answer {answer}")
                before = session.get(AnswerRefreshRow, answer)
            if before is not None:
                return before.entry

            def keep(session: Session, indices: list[int]) -> None:
                session.add(AnswerRefreshRow(answer=answer, entry=indices[0]))

            return self._say(REFRESHED, f"answer:{answer}, {reason}", two, keep)

    def _say(self, action: str, detail: str, two: Sequence[Caller], keep: Also) -> int:
        by = ", ".join(who.words for who in two)
        said = OperatorAction(action=action, by=by, at_ms=self._ledger.now(), detail=detail)
        (entry,) = self._ledger.append([said], also=keep)
        return entry


def said_of(record: OperatorAction) -> dict[str, str]:
    """Return what an entry of a second approval is about, by `towards`, `data`, `month`, `answer`.

    The reason, which is last, may hold anything and is left out.
    """
    most = 3 if record.action == RENEWED else 1
    parts = (record.detail or "").split(", ", most)[:most]
    return dict(part.split(":", 1) for part in parts if ":" in part)


def _since(session: Session, books: Books, counterparty: str, lineage: str) -> str:
    """Return the month that an account is of: of its renewal, else of its first charge."""
    month = books.month(counterparty, lineage)
    if month != FIRST:
        return month
    query = select(BudgetChargeRow).where(
        col(BudgetChargeRow.to_party) == counterparty, col(BudgetChargeRow.lineage) == lineage
    )
    first = session.exec(query.order_by(col(BudgetChargeRow.charge)).limit(1)).one_or_none()
    return FIRST if first is None else month_of(first.charged_ms)
