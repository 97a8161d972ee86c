"""A policy that is written reads back to the same vocabulary, whatever people called things."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.vocabulary import Vocabulary
from party_node.capture.strict_yaml import MAX_TEXT
from party_node.policy.differences import differences
from party_node.policy.errors import InvalidPolicy
from party_node.policy.reading import read_policy
from party_node.policy.writing import write_policy
from tests.support.depth import examples
from tests.support.policies import example, vocabularies


@settings(max_examples=examples(20))
@given(vocabularies())
def test_what_is_written_reads_back_to_the_same(vocabulary: Vocabulary) -> None:
    again = read_policy(write_policy(vocabulary))
    assert again == vocabulary
    assert again.digest() == vocabulary.digest()
    assert differences(vocabulary, again) == []


@settings(max_examples=examples(15))
@given(vocabularies(), vocabularies())
def test_two_policies_differ_in_words_exactly_if_they_differ(
    one: Vocabulary, other: Vocabulary
) -> None:
    assert bool(differences(one, other)) == (one.digest() != other.digest())
    assert len(differences(one, other)) == len(differences(other, one))


def read_or_not(text: str) -> Vocabulary | None:
    """Return the policy, or None if it is refused as one; every other error is a mistake."""
    try:
        return read_policy(text)
    except InvalidPolicy:
        return None


@settings(max_examples=examples(50))
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_any_text_is_a_policy_or_is_refused(text: str) -> None:
    found = read_or_not(text)
    assert found is None or found.digest()


@settings(max_examples=examples(25))
@given(st.data())
def test_a_policy_with_some_of_its_text_changed_is_a_policy_or_is_refused(
    data: st.DataObject,
) -> None:
    text = example()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    put = data.draw(st.text(max_size=8) | st.sampled_from(["\n", "  ", ": ", "- ", "{", "]", "&x"]))
    changed = text[:start] + put + text[end:]
    assert len(changed) < MAX_TEXT
    found = read_or_not(changed)
    assert found is None or read_policy(write_policy(found)) == found
