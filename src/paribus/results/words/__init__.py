"""Where protocols, facts, encoders, differences and settings become English, for whoever shows them."""

from paribus.results.words.facts import Statement, detail_words, fact_words, kind_words, statement
from paribus.results.words.findings import finding_words
from paribus.results.words.outlook import NextStep, improvement_words, next_step_words, nothing_resembles_words
from paribus.results.words.protocols import (
    accuracy_words,
    encoder_words,
    obstacle_words,
    protocol_words,
    runs_words,
    seeds_words,
)
from paribus.results.words.settings import (
    amount_words,
    budget_words,
    no_room_words,
    sampler_words,
    spread_words,
    stand_in_words,
    value_words,
    words_of,
)

__all__ = [
    "NextStep",
    "Statement",
    "accuracy_words",
    "amount_words",
    "budget_words",
    "detail_words",
    "encoder_words",
    "fact_words",
    "finding_words",
    "improvement_words",
    "kind_words",
    "next_step_words",
    "no_room_words",
    "nothing_resembles_words",
    "obstacle_words",
    "protocol_words",
    "runs_words",
    "sampler_words",
    "seeds_words",
    "spread_words",
    "stand_in_words",
    "statement",
    "value_words",
    "words_of",
]
