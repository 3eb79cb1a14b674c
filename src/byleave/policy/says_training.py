"""Whether a sentence says that data trains or develops AI."""

from __future__ import annotations

import re
from typing import Final

from byleave.policy.clause import affirmed, holds
from byleave.policy.wording import AI, BEING, DATA, STAFF, rx

__all__ = ["mentions_training", "training_in"]
# -- training --------------------------------------------------------------------------------

_TRAIN_ACT: Final = r"(?:pre-?|re-?)?train(?:s|ing)?|(?:we|have|has|be|been|are|were|us)[ ](?:\w+[ ])?(?:pre-?|re-?)?trained|(?:fine|instruction)[ -]?tun(?:e|es|ing)|teach(?:es|ing)?|taught"
_TRAIN_VERB: Final = r"(?:pre-?|re-?)?train(?:s|ed|ing)?|(?:fine|instruction)[ -]?tun(?:e|es|ed|ing)|teach(?:es|ing)?|taught"
_MAKE_VERB: Final = (
    r"(?:develop|improv|build|creat|enhanc|refin|advanc|evolv|optimi[sz]|design|adapt|updat)"
    r"(?:e|es|ed|ing|s|t)?(?:ment|ments)?|built(?!-in)|"
    r"(?:improvement|development|creation|enhancement|refinement)s?(?=[ ]of)"
)
_GAP: Final = r"(?:(?!\b(?:we|uses|using|with|through|via|by|powered|that|which|who|so|because|when|while|if|from|help|but|not|excluding|without|except|unless)\b|[;:.!?])[^;:.!?])"
_TRAINING: Final = tuple(
    rx(p)
    for p in (
        # train ... AI, in that order, with nothing between that would carry another verb's means
        rf"\b(?P<verb>{_TRAIN_ACT})\b(?![ ](?:methods?|process(?:es)?|methodolog\w+|techniques?)\b)(?![ ](?:our[ ]|all[ ]|the[ ]|new[ ]|their[ ]|these[ ])*{STAFF}\b){_GAP}{{0,90}}?{AI}",
        # models are trained on your data; data trains a model
        (
            rf"{AI}(?:[^;.!?]{{0,60}}?)\b(?P<verb>(?:pre-?|re-?)?train(?:ed|ing)|fine-?tun(?:ed|ing)|learns?|learning)\b"
            rf"[ ](?:only[ ]|partly[ ]|in[ ]part[ ]|directly[ ]|solely[ ])?(?:on|with|using|from|by)\b[^;.!?]{{0,80}}?(?:{DATA}|\b(?:them|it|you|people|members|users|accounts)\b)"
        ),
        rf"{AI}[^;.!?]{{0,40}}?\b(?:can|may|will|could|to)[ ](?:also[ ])?(?P<verb>learn)[ ]from\b",
        # used for training / as training data / AI training / model training
        rf"\b(?:{AI})[ -](?:model[ -]|system[ -])?(?P<verb>training|fine-?tuning|improvement|development|learning[ ]research)\b(?![ ](?:course|program|class|session|material|tool|resource|opportunit)\w*)",
        r"\b(?:used?|using|uses|as|into|for|collect(?:ed)?|serve|part[ ]of)\b[^;.!?]{0,60}?\b(?P<verb>training)[ ](?:data\b|datasets?|sets?\b|corpus|corpora|inputs?|purposes)",
        rf"\b(?P<verb>(?:data)?sets?)\b[^;.!?]{{0,40}}?\b(?:develop|build|creat|train)\w*[ ][^;.!?]{{0,40}}?{AI}",
        r"\b(?P<verb>training)[ ](?:of[ ](?:\w+[ ]){0,3})?(?:that|which)[ ](?:has|have|had)?[ ]?(?:already[ ])?(?:taken[ ]place|took[ ]place|occurred|happened|been[ ](?:done|completed|carried[ ]out))",
        rf"\b(?:our|your|the|in)[ ](?P<verb>training)[ ](?:of|with|on)[ ][^;.!?]{{0,40}}?{AI}",
        # models are trained
        rf"{AI}[^;.!?]{{0,25}}?\b(?:is|are|be|been|being)[ ]\W?(?P<verb>(?:pre-?|re-?)?trained|fine-?tuned)\b",
        rf"\b{BEING}[ ](?:\w+[ ])?(?P<verb>(?:pre-?|re-?)?trained|fine-?tuned)[ ](?:on|with|using|from)[ ][^;.!?]{{0,40}}?{DATA}(?![ ](?:protection|privacy|security|handling))",
        # use your data to train (no object, or one that is not a person)
        rf"\b(?:us(?:e|es|ed|ing)|process\w*|collect\w*|analy[sz]\w*)\b[^;.!?]{{0,90}}?\bto[ ](?:help[ ])?(?P<verb>train)\b(?![ ](?:our[ ]|the[ ]|new[ ]|all[ ]|their[ ])*{STAFF}\b)",
        # develop, improve, build ... AI
        rf"\b(?P<verb>(?:{_MAKE_VERB}))\b{_GAP}{{0,80}}?{AI}",
        # models become better by your data; AI is trained on it, with the object left out
        rf"\b(?P<verb>make|makes|making|help|helps|helping)[ ](?:our[ ]|the[ ]|its[ ]|these[ ]|us[ ]make[ ]our[ ]|\w+'s[ ])?(?:\w+[ ]){{0,2}}?{AI}[ ](?:to[ ])?(?:be[ ]|become[ ]|get[ ])?(?:better|more|smarter|safer|perform|improve|learn|understand|respond|helpful|accurate)",
        rf"\b(?P<verb>(?:pre-?|re-?)?train(?:ing|s|ed)?|fine-?tun(?:e|ed|ing)|learn(?:s|ing)?)[ ]on[ ](?:your|the|our|user|users'|customer|this|these|such|public|my|people's|member)\b(?:[ ]\w+){{0,4}}?[ ]{DATA}",
        r"\bopt(?:s|ed|ing)?[ -]?(?:out|in|into)[ ](?:(?:of|from|to|for)[ ])?(?:[\w/-]+[ ]){0,4}?(?P<verb>training)\b(?![ ](?:course|program|session|email))",
        r"\bfor[ ](?:\w+[ ])?(?P<verb>training)[ ](?:and|or)[ ](?:fine-?tun\w+|improving|developing|testing|evaluat\w+)",
        r"\bused?[ ]for[ ](?P<verb>training)\b(?![ ](?:and[ ]|or[ ])?(?:quality|coaching|staff|employees|course|program|class|session)\w*)",
        rf"\bused?[ ](?:\w+[ ]){{0,3}}?for[ ](?:\w+[ ]){{0,2}}?{AI}[ ](?P<verb>improvements?|enhancements?)",
        rf"\b(?P<verb>training)[ ](?:uses?|relies[ ]on|is[ ]based[ ]on|draws[ ]on)[ ][^;.!?]{{0,40}}?{DATA}",
        # improve the services, models among them; by machine learning on your data
        rf"\b(?P<verb>(?:{_MAKE_VERB}))[ ](?:of[ ])?(?:our|the|its|your)[ ](?:\w+[ ]){{0,3}}?(?:services?|products?|platform|technolog\w+|features),?[ ][^;:.!?]{{0,40}}?\bincluding\b[^;.!?]{{0,200}}?(?:{AI}|machine[ ]learning)(?:[ ](?:algorithms|models|systems|and)|\b(?=\W*$))",
        rf"\b(?:us(?:e|es|ed|ing)|process|analy[sz]e|collect)\b[^;.!?]{{0,90}}?{DATA}[^;.!?]{{0,60}}?\b(?P<verb>improve|develop|enhance|optimi[sz]e|refine)\b[^;.!?]{{0,60}}?\b(?:using|through|with|via|by[ ]means[ ]of|by)[ ](?:\w+[ ])?(?:machine[ ]learning|\bML\b)",
        rf"{DATA}[^;.!?]{{0,40}}?\b(?P<verb>feeds?|flows?|goes?|enters?)[ ](?:back[ ])?(?:in)?to[ ](?:our|the|its)[ ](?:\w+[ ])?training\b",
        rf"\b(?:us(?:e|es|ed|ing)|process)\b[^;.!?]{{0,60}}?{DATA}[^;.!?]{{0,30}}?\bto[ ](?P<verb>fine-?tune|teach)\b",
        rf"{DATA}[ ](?:\w+[ ]){{0,2}}?(?P<verb>teach|train)(?:es|s)?[ ](?:our|the|its)\b(?![ ](?:\w+[ ])?{STAFF}\b)",
        rf"{AI}(?:/ML)?[ ](?:model[ ])?(?P<verb>improvement|training)[ ]program",
        # train our systems on your data; how the AI learns
        r"\b(?P<verb>train(?:s|ing)?)\b(?:,?[ ](?:and|or)[ ]\w+)?[ ](?:our|the|its|their|these)[ ](?:\w+[ ]){0,2}?(?:systems?|technolog(?:y|ies)|software|services?|platforms?|tools?|features?|products?)\b",
        rf"\bhow[ ](?:our|the|this|its)[ ](?:\w+[ ])?{AI}[ ](?P<verb>learns?)\b",
        r"\b(?:use|allow|let)[ ](?:my|your|this)[ ][^;.!?]{0,50}?\bto[ ](?:help[ ])?(?P<verb>train|improve)[ ](?:\w+[ ]){0,3}?(?:AI|__|models?)",
        # the model's improvement, named so; corrections teach it
        r"(?<!excluding[ ])\bmodel[ -](?P<verb>improvement|refinement|retraining|training)\b(?![ ](?:course|program|class|session)\w*)",
        r"\b(?:for|to|in|of)[ ](?:\w+[ ]){0,2}?model[ ](?P<verb>development)\b(?![ ](?:environment|team|process)\w*)",
        r"\b(?:enter|entering|enters|from|into|in|to)[ ](?:our|the|its)[ ](?:\w+[ ])?(?P<verb>training)[ ](?:pipelines?|corpus|corpora|data|datasets?|sets?)\b",
        rf"{DATA}[^;.!?]{{0,40}}?\bus(?:ing|ed|e)[ ](?:it|them|this|that)?[ ]?for[ ](?:\w+[ ])?(?P<verb>training)\b(?![ ](?:and[ ]|or[ ])?(?:quality|coaching|staff|employees|our[ ]staff|course|program|class|session|purposes?)\w*)",
        rf"{DATA}(?:[ ]\w+)?[ ](?:help[ ])?(?P<verb>teach|train|educate)(?:es|s)?[ ](?:the|our|its)[ ]\w+",
        r"\bcorrections?\b[^;.!?]{0,40}?\b(?P<verb>teach|train|improve)(?:es|s)?[ ](?:the|our|its)[ ](?:\w+[ ])?(?:recogni\w+|models?|AI|system|algorithms?|engine)\b",
        rf"\b(?:us(?:e|es|ed|ing)|process|analy[sz]e)\b[^;.!?]{{0,90}}?\b(?P<verb>improve|enhance|increase|refine|evaluate|tune)[ ](?:the[ ])?(?:\w+[ ]){{0,2}}?(?:accuracy|quality|performance|capabilit\w+|responses?|outputs?|behaviou?r)[ ](?:and[ ]\w+[ ])?of[ ](?:our|the|its|these)[ ](?:\w+[ ]){{0,2}}?{AI}",
        r"\b(?:any|for|into|from|as|our|select\w*)[ ](?:\w+[ ])?(?P<verb>training)[ ](?:use|usage|samples?|examples?)\b",
        r"\b(?:the|our)[ ](?P<verb>training)[ ](?:data)?sets?[ ](?:is|are|may|includes?|contains?)\b",
        rf"\b(?P<verb>tun(?:e|ing))[ ](?:our[ ]|the[ ])?{AI}",
        # use of your posts for training, or to inform it
        rf"\b(?:use|uses|using)\b[^;.!?]{{0,40}}?{DATA}[^;.!?]{{0,60}}?[ ](?:for|to[ ]inform)[ ](?P<verb>training)\b(?![ ](?:and[ ]|or[ ]|of[ ](?:our[ ])?)?(?:quality|coaching|staff|employees|agents|course|program|class|session|monitoring)\w*)",
        r"\b(?P<verb>help|make|let)(?:s|ing)?[ ](?:the|our|its)[ ](?:system|app|model|assistant|software|engine)s?[ ](?:to[ ])?(?:become|be|get|grow)[ ](?:\w+[ ])?(?:smarter|better|more|safer)",
        # for machine learning
        r"\bfor[ ](?:\w+[ ]){0,2}?(?P<verb>machine[ -]learning|AI|artificial[ ]intelligence)\b(?!-|[ ](?:features?|tools?|products?|services?|assistants?|powered|to\b|that\b|(?:\w+[ ])?(?:generation|analysis|processing|summar\w+|responses?|transcription|inference)\b))",
        rf"\b(?P<verb>fed|feeds?|incorporated?|flows?)[ ](?:back[ ])?(?:in(?:to)?|our)\b[^;.!?]{{0,40}}?(?:{AI}|model[ ]training)",
    )
)
_MAKING: Final = re.compile(rf"(?:{_MAKE_VERB})", re.IGNORECASE | re.VERBOSE)
# "Acme AI" in the middle of a sentence is somebody's name, not what is trained
_NAMED_AI: Final = re.compile(
    r"(?<=[a-z,] )(?<!improve )(?<!train )(?<!develop )(?<!build )(?!Generative|Artificial|Responsible|Voice|Conversational)([A-Z][a-z]+) AI\b"
)
# "improve our AI study platform": a product, not what learns
_PRODUCT: Final = re.compile(
    r"[ -](?!and\b|or\b)(?:\w+ )?(?:platform|experience|marketplace|website|app)s?\b"
)
_NOT_AI_TRAINING: Final = rx(
    rf"\b(?:train(?:ing|ed)?)[ ](?:courses?|sessions?|program\w*|class(?:es)?|videos?|webinars?|workshops?|plans?|materials?|modules?|events?)\b|"
    rf"\b(?:security|staff|employee|compliance|privacy|awareness|safety|personal|fitness|customer[ ]service)[ ]train(?:ing|ers?)\b|"
    rf"\btraining[ ](?:and|or|,)[ ]?(?:quality|coaching|monitoring)|\bquality[ ](?:assurance[ ])?(?:and|or|,)[ ]training|"
    rf"\btake[ ]our[ ]training|^understanding\b[^.]*\btraining\b|{STAFF}[ ](?:\w+[ ]){{0,3}}?(?:is|are|be|been|being|who[ ]are)[ ](?:\w+[ ])?train|"
    rf"(?:calls?|telephone)\b[^.]*\brecorded\b|\btrain[ ](?:travel|station|ticket|journey)|\b(?:by|the|commuter)[ ]train\b|\btrains[ ](?:to|from|leave)"
)
_OTHER_DATA: Final = rx(
    r"\b(?:trained?|training|built|fine-?tuned)[ ](?:only|solely|exclusively|entirely|purely)[ ](?:on|with|from)[ ](?:synthetic|licensed|licen[cs]ed|artificial|generated|fictional|simulated|our[ ]own)|"
    r"\btrained[ ]before[ ]you\b|\b(?:only|solely|exclusively|entirely)[ ]trained[ ]on[ ](?!your|user|customer)|\bwhether\b[^.;]*\bdepends?[ ]on\b|\bcannot[ ](?:flow|enter|reach)\b"
)


def training_in(text: str, past: int) -> str:
    """Return the words that say that data trains AI, or "".

    Args:
        text: A sentence, what introduces it before it.
        past: Length of what introduces it: words have to reach past that.
    """
    text = _NAMED_AI.sub(lambda found: f"{found[1]} __", text)
    if _OTHER_DATA.search(text):
        return ""
    staff = _NOT_AI_TRAINING.search(text)
    for pattern in _TRAINING:
        for match in pattern.finditer(text):
            if match.end() <= past or (staff and staff.start() <= match.start("verb") + 12):
                continue
            if _MAKING.fullmatch(match["verb"]) and _PRODUCT.match(text[match.end() :]):
                continue
            if _MAKING.fullmatch(match["verb"]) and not _about_data(text, match):
                continue
            if re.search(r"\bwhether\b[^;.,]{0,160}$", text[: match.start("verb")], re.IGNORECASE):
                continue
            if re.match(r"\W*(?:\w+ ){0,6}compet", text[match.end() :], re.IGNORECASE):
                continue
            if holds(text, match.start("verb")):
                return match.group().strip()
    return ""


def _about_data(text: str, match: re.Match[str]) -> bool:
    """Say whether a "develop AI" is done with data, or is itself a purpose ("to develop AI")."""
    before = text[: match.start("verb")]
    purpose = re.match(
        r"\W*(?:to|for|helping|help us)?\W*(?:$|\w+[ ,])", before, re.IGNORECASE
    ) and re.match(r"\W*(?:(?:to|for)\b.*)?$", before, re.IGNORECASE)
    if re.search(r"\binterests?\b[^.]*$", before, re.IGNORECASE):
        return True
    if re.search(
        r"\b(?:is|are|be|been|being|we|us) (?:\w+ )?used? (?:\w+ ){0,2}(?:to|for) ",
        before,
        re.IGNORECASE,
    ):
        return True
    rest = text[: match.start()] + text[match.end() :]
    return bool(rx(DATA).search(rest)) or (
        bool(purpose)
        and not re.search(r"\b(?:help|let|allow|enable)s?[ ]you\b", before, re.IGNORECASE)
    )


def mentions_training(text: str) -> bool:
    """Say whether a sentence speaks of training AI without denying it, whoever acts.

    Weaker than a statement of training: enough to say that a text mentions it.
    """
    heard = " ".join(affirmed(text))
    verbs = rf"\b(?:{_TRAIN_VERB}|use[sd]?[ ](?:\w+[ ]){{0,6}}?(?:to|for)[ ]{_MAKE_VERB})\b"
    return (
        bool(rx(verbs).search(heard))
        and bool(rx(AI).search(heard))
        and not _NOT_AI_TRAINING.search(heard)
    )
