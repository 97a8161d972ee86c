"""Every error has a code of its own in kebab case and a sentence for its reader."""

import re

from party_node import errors


def all_errors():
    found = [e for e in vars(errors).values() if isinstance(e, type)]
    return [e for e in found if issubclass(e, errors.NodeError)]


def test_codes_are_distinct_and_kebab_case():
    codes = [e.code for e in all_errors()]
    assert len(codes) > 20
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_each_error_says_its_sentence_or_its_detail():
    for error in all_errors():
        assert error.__doc__, error
        assert error.__doc__.split("\n")[0].endswith("."), error
    assert str(errors.DiskFull()) == "The disk that holds the node's database is full"
    assert str(errors.NotFound("no such job")) == "no such job"
    assert errors.NotFound("x", hint="do y").hint == "do y"
    refused = errors.CoordinatorRefused("not-a-party", "who are you")
    assert (refused.code, refused.reason) == ("coordinator-refused", "not-a-party")
