"""What people read of repeated questions and coarse sizes."""

from typing import Any

from party_node import job_words

JOB = {
    "collaboration": "spring", "version": 1, "kind": "overlap", "purpose": "measurement",
    "who_learns": [], "question": [], "forecast": None, "protocol": "psi-dh-cardinality/2",
    "datasets": {"brand": "customers", "publisher": "audience"},
    "senders": ["publisher"], "receiver": "brand", "rho": "0.005",
    "identifiers": ["email"],
    "per_person": 1,
    "cost": {"rho": "0.005", "epsilon_alone": 0.524, "delta": "1e-8",
             "paid_by": ["brand", "publisher"]},
}  # fmt: skip
SAID = {
    "party": "brand", "asked_step": 2000, "permitted_step": 0, "seconds": 2, "memory_mib": 150,
    "traffic_kib": 120, "rho_before": "0.5", "rho_after": "0.495", "refusal": "", "earlier": "",
    "questions_before": 2577, "questions_after": 2551,
}  # fmt: skip
FOUND: dict[str, Any] = {
    "with": "publisher", "size": {"text": "120 ± 29 (95 %)"}, "withheld": None, "audience": None,
    "statistics": None,
    "own": {"asked": 300, "permitted": 270, "withheld": {}, "matchable": 267, "waiting": 3,
            "identifiers": {}, "beyond": 0, "matched_by": {}, "unmatchable": 0},
    "cost": {"rho": "0", "epsilon_alone": 0.0, "delta": "1e-8"},
    "earlier": {"job": "a" * 32, "created_ms": 1_795_000_000_000},
}  # fmt: skip


def test_sizes_up_to_the_floor_are_one_word() -> None:
    told = list(job_words.preflight(JOB, SAID))
    assert "on this side: 2,000 or more people asked for, at most 1,000 permitted" in told
    assert not any("nearly the same" in line for line in told)


def test_a_price_stands_beside_epsilon_and_questions_left() -> None:
    told = list(job_words.preflight(JOB, SAID))
    assert (
        "price: rho 0.005 (epsilon 0.524 alone, at delta 1e-8), from the budget of brand and "
        "publisher, each"
    ) in told
    (line,) = [line for line in told if line.startswith("budget towards")]
    assert "2,577 questions left at ±100 people before, 2,551 after" in line
    assert "this job costs 0.005" in line


def test_who_does_not_pay_is_told_who_does() -> None:
    cost = JOB["cost"] | {"paid_by": ["publisher"], "epsilon_alone": None, "delta": None}  # type: ignore[operator]
    told = list(job_words.preflight(JOB | {"cost": cost}, SAID))
    assert "price: rho 0.005, from the budget of publisher" in told
    assert any("this job costs this side nothing" in line for line in told)


def test_an_answer_that_would_be_given_again_is_announced() -> None:
    told = list(job_words.preflight(JOB, SAID | {"earlier": "a" * 32}))
    line = next(line for line in told if "nearly the same" in line)
    assert "a" * 32 in line
    assert "if publisher agrees" in line
    assert "free of charge" in line


def test_an_answer_that_is_given_again_has_its_date() -> None:
    told = list(job_words.result(FOUND))
    assert told[0] == f"answered on 2026-11-18 in job {'a' * 32}; nothing was counted again"
    assert "  waiting until more people have changed: 3" in told


def test_a_new_answer_with_nobody_waiting_says_nothing_of_either() -> None:
    own = FOUND["own"] | {"waiting": 0}
    told = list(job_words.result(FOUND | {"earlier": None, "own": own}))
    assert not any("answered on" in line or "waiting" in line for line in told)


def test_the_noise_of_a_common_model_is_of_counts_and_was_of_weights() -> None:
    card = {
        "label": "renewed", "positive": ["yes"], "features": [], "signed_by": ["brand"],
        "rounds": [{"partners": ["brand"], "auc": None, "judged_on": 0}],
    }  # fmt: skip
    now = list(job_words.trained(card | {"noise_people": 41.0}))
    assert any("counts that are each within ±80 people (95 %)" in line for line in now)
    before = list(job_words.trained(card | {"noise": 0.041}))
    assert any("each weight is within ±0.08 (95 %) of noise" in line for line in before)


def test_what_is_odd_about_a_column_is_said_and_nothing_of_the_others() -> None:
    plain = {"refused": None, "missing_percent": 0, "out_of_bounds_percent": 0, "constant": False}
    columns = [
        plain | {"column": "age", "missing_percent": 3, "out_of_bounds_percent": 5},
        plain | {"column": "empty", "missing_percent": 100, "constant": True},
        plain | {"column": "tier"},
    ]
    told = list(
        job_words.result(FOUND | {"earlier": None, "own": FOUND["own"] | {"columns": columns}})
    )
    assert [line for line in told if "column" in line] == [
        "  column age is missing for 3 %; is outside what was stated for 5 %",
        "  column empty is the same for everybody, and was left out; is missing for 100 %",
    ]


def test_what_a_partner_calls_values_neither_moves_a_terminal_nor_reads_as_more_than_one() -> None:
    card = {
        "label": "renewed", "positive": ["yes\x1b[2J", "a or b"], "rounds": [], "noise_people": 1.0,
        "signed_by": ["brand"], "features": [{"column": "tier", "weights": [
            {"value": "gold +9.99, silver", "weight": 0.5}, {"value": "missing", "weight": 0.0},
        ]}],
    }  # fmt: skip
    told = "\n".join(job_words.trained(card))
    assert "\x1b" not in told
    assert r'renewed ("yes\u001b[2J" or "a or b")' in told
    assert 'tier: "gold +9.99, silver" +0.50' in told


def test_a_training_that_nobody_could_judge_here_says_what_that_may_mean() -> None:
    card = {
        "label": "renewed", "positive": ["yess"], "noise_people": 41.0, "features": [],
        "signed_by": ["brand"], "rounds": [{"partners": ["brand"], "auc": None}],
    }  # fmt: skip
    told = list(job_words.trained(card))
    assert any("not judged here" in line and "nothing but noise" in line for line in told)
    judged = card | {"rounds": [{"partners": ["brand"], "auc": 0.7, "judged_on": 40}]}
    assert not any("caution" in line for line in job_words.trained(judged))
