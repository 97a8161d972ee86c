"""The vocabulary that Accord comes with; an operator replaces it by one of their own."""

from consent.purpose import Purpose, SignalTerms
from consent.vocabulary import Vocabulary
from consent.words import Operation

_DPV = "https://w3id.org/dpv#"
_US_OPT_OUTS = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")

DEFAULT_VOCABULARY = Vocabulary(
    purposes=(
        Purpose(
            purpose_id="partner-marketing",
            title="Marketing together with partners",
            dpv_iris=(_DPV + "Marketing",),
            operations=(),
        ),
        Purpose(
            purpose_id="audience-measurement",
            title="Counting how many customers two parties have in common",
            dpv_iris=(_DPV + "ServiceUsageAnalytics",),
            operations=(Operation.DP_STAT, Operation.PSI),
            parents=("partner-marketing",),
            requires_separate_consent=("CN",),
        ),
        Purpose(
            purpose_id="joint-audience",
            title="Building one audience from two parties' customers and addressing it",
            dpv_iris=(_DPV + "TargetedAdvertising",),
            operations=(Operation.ACTIVATE, Operation.PSI),
            parents=("partner-marketing",),
            requires_separate_consent=("CN",),
            signals=SignalTerms(gpc=True, gpp=_US_OPT_OUTS, tcf=(1, 3, 4)),
        ),
        # An objection to a broader purpose forbids the narrower one, a signal's too.
        Purpose(
            purpose_id="joint-scoring",
            title="Scoring one's own customers by what another party knows of them",
            dpv_iris=(_DPV + "Personalisation",),
            operations=(Operation.LOOKALIKE_SCORE, Operation.LOOKALIKE_TRAIN, Operation.PSI),
            parents=("joint-audience",),
            requires_separate_consent=("CN",),
        ),
        Purpose(
            purpose_id="lookalike-audience",
            title="Finding people who are like another party's customers, and addressing them",
            dpv_iris=(_DPV + "TargetedAdvertising",),
            operations=(
                Operation.ACTIVATE,
                Operation.LOOKALIKE_SCORE,
                Operation.LOOKALIKE_TRAIN,
                Operation.PSI,
            ),
            parents=("joint-audience",),
            requires_separate_consent=("CN",),
        ),
        Purpose(
            purpose_id="joint-model",
            title="Training one model together with partners, who see nobody's data",
            dpv_iris=(_DPV + "ServiceUsageAnalytics",),
            operations=(Operation.TRAIN,),
            parents=("joint-audience",),
            requires_separate_consent=("CN",),
        ),
        # A yes to training is none to being scored and addressed by what came of it.
        Purpose(
            purpose_id="joint-model-audience",
            title="Scoring people by a model trained together with partners, and addressing them",
            dpv_iris=(_DPV + "TargetedAdvertising",),
            operations=(Operation.ACTIVATE, Operation.LOOKALIKE_SCORE, Operation.TRAIN),
            parents=("joint-model",),
            requires_separate_consent=("CN",),
        ),
    )
)
