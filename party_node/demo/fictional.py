"""What the demo's people are made of: names, domains and numbers that can belong to nobody.

Domains are those that RFC 2606 reserves. Numbers lie in ranges that regulators keep free for drama:
Ofcom (United Kingdom), 555-0100 to 555-0199 in every area (North America), ARCEP (France), BNetzA
(Germany), PTS (Sweden), ACMA (Australia).
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words(
    "Ada Aisha Alan Alice Amir Ana Anna Ben Carla Chen Clara Daniel David Elena Emil Emma Erik "
    "Eva Farah Felix Freya Grace Hana Hans Helen Hugo Ida Ines Ivan Jan Jane Jonas Jose Julia "
    "Kai Kofi Lara Lea Leo Lin Lucy Maria Mark Mei Mia Milan Mina Nadia Nina Noor Olga Omar "
    "Oscar Paul Petra Rosa Sam Sara Sofia Tom Uma Vera Victor Wei Yara Yusuf Zoe"
)
FAMILY = _words(
    "Abbott Adler Ahmed Andersen Baker Bauer Becker Berg Blanc Bose Brandt Brown Carter Castro "
    "Chopra Clarke Costa Cruz Dahl Davies Diaz Dubois Evans Farkas Fischer Fontaine Garcia Gill "
    "Green Gruber Haas Hall Hansen Hoffman Hughes Ito Jansen Jones Keller Khan Kim Klein Kovac "
    "Kumar Lang Larsen Lee Lopez Maier Marin Martin Meyer Moreau Mueller Murphy Nagy Neumann "
    "Nilsson Novak Okafor Olsen Park Patel Perez Petit Popov Reid Richter Rossi Roy Santos Sato "
    "Schmidt Silva Singh Smith Stone Suzuki Tan Taylor Torres Turner Vogel Wagner Walker Wang "
    "Weber White Wolf Wong Wright Yilmaz Young Zhang Zimmer"
)

DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example.org",
    "inbox.example.net",
    "bücher.example",
    "例え.example",
)
DOMAIN_WEIGHTS = (0.30, 0.20, 0.15, 0.12, 0.10, 0.08, 0.04, 0.01)

_US_AREAS = _words(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 "
    "239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 "
    "310 312 313 314 315 316 317 318 319 320 321 323 325 330 331 334 336 337 339 347 351 352 360 "
    "361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434 "
    "435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 "
    "520 530 540 541 551 559 561 562 563 567 570 571 573 574 575 580 585 586 601 602 603 605 606 "
    "607 608 609 610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 "
    "662 678 682 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 732 "
    "734 740 754 757 760 763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 806 808 810 "
    "812 813 814 815 816 817 818 828 830 831 832 843 845 847 848 850 856 857 858 859 860 862 863 "
    "864 865 870 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 931 "
    "936 937 940 941 947 949 951 952 954 956 970 971 972 973 978 979 980 985 989"
)

_BLOCKS: dict[str, tuple[tuple[str, range, int], ...]] = {
    "GB": tuple(
        (prefix, range(1000), 4)
        for prefix in _words(
            "207946 113496 114496 116496 117496 118496 121496 131496 141496 151496 161496 191498 "
            "289018 292018"
        )
    ),
    "US": tuple((area + "55501", range(100), 2) for area in _US_AREAS),
    "FR": tuple((prefix, range(10_000), 4) for prefix in _words("19900 26191 35301 46571 53649")),
    "DE": tuple(
        (prefix, range(1000), 3) for prefix in _words("3023125 6990009 4066969 2214710 8999998")
    ),
    "SE": (
        ("313900", range(600, 700), 3),
        ("406280", range(400, 500), 3),
        ("846500", range(400, 500), 3),
        ("701740", range(605, 700), 3),
    ),
    "AU": tuple((a + block, range(10_000), 4) for a in "2378" for block in ("5550", "7010")),
}
"""Country → blocks: first digits of the national number, what follows, in how many digits."""

CALLING_CODES = {"GB": "44", "US": "1", "FR": "33", "DE": "49", "SE": "46", "AU": "61"}


def numbers(country: str) -> list[str]:
    """Return every fictional national number of a country, without national prefix."""
    return [f"{prefix}{n:0{width}d}" for prefix, rest, width in _BLOCKS[country] for n in rest]
