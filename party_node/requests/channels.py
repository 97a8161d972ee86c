"""How a request came in, and which method of capture the ledger calls it by."""

import enum

from consent.statements import Method


class RequestChannel(enum.StrEnum):
    """How somebody asked."""

    PREFERENCE_CENTRE = "preference-centre"
    WEB_FORM = "web-form"
    MOBILE_APP = "mobile-app"
    E_MAIL = "e-mail"
    LETTER = "letter"
    PHONE = "phone"
    IN_PERSON = "in-person"


METHOD: dict[RequestChannel, Method] = {
    RequestChannel.PREFERENCE_CENTRE: Method.PREFERENCE_CENTRE,
    RequestChannel.WEB_FORM: Method.WEB_FORM,
    RequestChannel.MOBILE_APP: Method.MOBILE_APP,
    RequestChannel.E_MAIL: Method.WEB_FORM,
    RequestChannel.LETTER: Method.PAPER_FORM,
    RequestChannel.PHONE: Method.PHONE,
    RequestChannel.IN_PERSON: Method.IN_PERSON,
}
"""What stands as `method` in the entries that a request leads to."""
