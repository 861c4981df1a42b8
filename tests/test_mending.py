"""Lines out of which foreign phrases were cut read as they did before the splice, in any language."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spamfilter.mending import mend
from tests.strategies import any_text
from training.splice import splice

SENTENCES = (
    "The mill by the river, which grinds rye, belongs to the village. Nobody knows who built it.",
    "Der Gemeinderat beschloss, die Brücke noch vor dem Winter zu reparieren.",
    "Le moulin, qui date de 1780, appartient au village depuis longtemps.",
    "¿Adónde lleva el camino? Lleva al puerto, pasando por dos aldeas.",
    "Он сказал, что мельница стоит у реки, которая зимой не замерзает.",
    "Powiedział, że młyn, który stoi nad rzeką, należy do wsi.",
    "A malom, amely a folyó mellett áll, a falué. Évek óta nem őröl.",
    "Nehir kıyısındaki değirmen köye aittir, ama yıllardır çalışmıyor.",
    "Ο μύλος δίπλα στο ποτάμι, που χτίστηκε το 1890, ανήκει στο χωριό.",
    "الطريق مغلق. تساقط الثلج طوال الليل، وتعطلت الجرافة قرب الجسر.",
    "הטחנה שליד הנהר, שנבנתה לפני מאה שנה, שייכת לכפר.",
    "सड़क बंद है। रात भर बर्फ गिरी और गाड़ी पुल के पास फँस गई।",
    "강가에 있는 방앗간은 마을의 것이며, 오래전부터 돌지 않는다.",
    "Cối xay bên bờ sông, được xây từ năm 1890, thuộc về ngôi làng.",
    "市议会决定在冬天之前修好这座桥，并在桥头增设两盏路灯。",
    "川のそばにある水車小屋は、百年前に建てられ、村のものです。",
    "ถนนปิด เพราะฝนตกทั้งคืน และรถติดอยู่ใกล้สะพาน",
)


def mended(marked: str, around: str = "") -> str:
    """What is left of a line in which ``⟦`` and ``⟧`` mark the phrases."""
    first, *others = marked.split("⟦")
    return mend([first, *(other.split("⟧")[1] for other in others)], around)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_comes_back_from_every_way_in_which_farms_splice(sentence: str) -> None:
    random_ = random.Random(7)
    for _ in range(300):
        made = splice(sentence, random_.choice(("best online casino", "在线赌场", "займ на карту")), (), random_)
        assert made is not None
        text, ((start, end),) = made
        assert mend([text[:start], text[end:]], text) == sentence


@pytest.mark.parametrize(
    ("marked", "left"),
    [
        # around nothing
        ('He said "⟦X⟧" and left.', "He said and left."),
        ("Er sagte »⟦X⟧« und ging.", "Er sagte und ging."),
        ("Il a dit « ⟦X⟧ » en partant.", "Il a dit en partant."),
        ("The mill 【⟦X⟧】 grinds.", "The mill grinds."),
        ("磨坊「⟦X⟧」在河边。", "磨坊在河边。"),
        ("¿⟦X⟧? ¿Adónde lleva?", "¿Adónde lleva?"),
        ("The <b>⟦X⟧</b> mill.", "The mill."),
        ('The <a href="http://x.example/"><b>⟦X⟧</b></a> mill.', "The mill."),
        ("The [b]⟦X⟧[/b] mill.", "The mill."),
        ("The [⟦X⟧](http://x.example/a) mill.", "The mill."),
        ("The **⟦X⟧** mill.", "The mill."),
        ("The __⟦X⟧__ mill.", "The mill."),
        ('"⟦X⟧," said the miller.', "said the miller."),
        # not around nothing: quotes of two others
        ('"Rye" ⟦X⟧ "wheat"', '"Rye" "wheat"'),
        ("« oui » ⟦X⟧ « non »", "« oui » « non »"),
        ("the millers' ⟦X⟧ sacks", "the millers' sacks"),
        # marks that meet
        ("A wall – ⟦X⟧ – stands.", "A wall stands."),
        ("磨坊——⟦X⟧——在河边。", "磨坊在河边。"),
        ("The mill – ⟦X⟧ – Home", "The mill – Home"),
        ("a wall—⟦X⟧—stands", "a wall—stands"),
        ("Home | ⟦X⟧ | Contact", "Home | Contact"),
        ("Home » ⟦X⟧ » Contact", "Home » Contact"),
        ("rye,⟦X⟧,wheat", "rye,wheat"),
        ("rye, ⟦X⟧, wheat", "rye, wheat"),
        ("磨坊，⟦X⟧，在河边。", "磨坊，在河边。"),
        ("قال، ⟦X⟧، ثم ذهب.", "قال، ثم ذهب."),
        ("It is cold. ⟦X⟧. It rains.", "It is cold. It rains."),
        ("It is cold. ⟦X⟧! It rains.", "It is cold. It rains."),
        ("ठंड है। ⟦X⟧। बारिश है।", "ठंड है। बारिश है।"),
        ("It is cold. ⟦X⟧: It rains.", "It is cold. It rains."),
        ("At 9 a.m. ⟦X⟧ – 5 p.m.", "At 9 a.m. – 5 p.m."),
        ("rye, ⟦X⟧ – wheat", "rye, – wheat"),
        # at the start of a line, of brackets, of quotes
        ("⟦X⟧, The council met.", "The council met."),
        ("⟦X⟧. The council met.", "The council met."),
        ("⟦X⟧_The council met.", "The council met."),
        ("⟦X⟧: — Who met?", "— Who met?"),
        ("⟦X⟧ .com is a suffix", ".com is a suffix"),
        ("- ⟦X⟧: The council met.", "- The council met."),
        ("1) ⟦X⟧ - The council met.", "1) The council met."),
        ("\u3000\u3000⟦X⟧：磨坊在河边。", "\u3000\u3000磨坊在河边。"),
        ("“⟦X⟧, the council met”", "“the council met”"),
        ("(⟦X⟧, the council)", "(the council)"),
        # at the end
        ("The council met, ⟦X⟧", "The council met"),
        ("The council met. » ⟦X⟧", "The council met."),
        ("He said »no« ⟦X⟧", "He said »no«"),
        ("Il a dit « non » ⟦X⟧", "Il a dit « non »"),
        ("Opening hours : ⟦X⟧", "Opening hours"),
        ("Opening hours: ⟦X⟧", "Opening hours:"),
        ("(the council, ⟦X⟧)", "(the council)"),
        ("(the council ⟦X⟧) met", "(the council) met"),
        # before closing marks
        ("It was a cold winter ⟦X⟧.", "It was a cold winter."),
        ("It was a cold winter, ⟦X⟧.", "It was a cold winter."),
        ("It was a cold winter – ⟦X⟧.", "It was a cold winter."),
        ('It was a "cold ⟦X⟧" winter', 'It was a "cold" winter'),
        ("नदी के किनारे ⟦X⟧।", "नदी के किनारे।"),
        ("磨坊在河边，⟦X⟧。", "磨坊在河边。"),
        ("Quel hiver ⟦X⟧ !", "Quel hiver !"),
        ("Quel hiver\u00a0⟦X⟧!", "Quel hiver\u00a0!"),
        ("« Quel hiver ⟦X⟧ »", "« Quel hiver »"),
        ("Hon sade »nej ⟦X⟧» och gick.", "Hon sade »nej» och gick."),
        ("It was ⟦X⟧ -5 degrees.", "It was -5 degrees."),
        # commas that touch the phrase
        ("The mill stands,⟦X⟧ and grinds.", "The mill stands and grinds."),
        ("تقع الطاحونة،⟦X⟧ على النهر.", "تقع الطاحونة على النهر."),
        ("Он сказал,⟦X⟧что идёт.", "Он сказал,что идёт."),
        ("Он сказал, ⟦X⟧ что идёт.", "Он сказал, что идёт."),
        # blanks
        ("One.  ⟦X⟧ Two.", "One.  Two."),
        ("One ⟦X⟧\u00a0two", "One\u00a0two"),
        # several
        ("⟦X⟧ | ⟦Y⟧ | The council met.", "The council met."),
        ("The council met. – ⟦X⟧ · ⟦Y⟧", "The council met."),
        ("rye, ⟦X⟧, ⟦Y⟧, wheat", "rye, wheat"),
        ("(⟦X⟧) the (⟦Y⟧) mill", "the mill"),
        ("⟦X⟧", ""),
    ],
)
def test_what_framed_a_phrase_goes_with_it_and_what_belongs_to_the_sentence_stays(marked: str, left: str) -> None:
    assert mended(marked) == left


def test_a_blank_before_a_mark_stays_where_the_page_puts_one_there() -> None:
    assert mended("Où mène la route ⟦X⟧? Au col.", "Quel hiver ! Où mène la route X?") == "Où mène la route ? Au col."
    assert mended("Where does it lead ⟦X⟧? Up.", "What a winter! Where does it lead X?") == "Where does it lead? Up."


one_line = any_text.map(lambda text: "".join(text.splitlines()))


@settings(max_examples=300)
@given(st.lists(one_line, min_size=1, max_size=4), one_line)
def test_characters_are_only_taken_away_and_only_beside_a_cut(pieces: list[str], around: str) -> None:
    whole = iter("".join(pieces))
    assert all(character in whole for character in mend(pieces, around))
    first, *others, last = (f"Far off {pieces[0]}", *pieces[1:], f"{pieces[-1]} Far off")
    left = mend([first, *others, last], around)
    assert left.startswith("Far off")
    assert left.endswith("Far off")


@given(one_line)
def test_a_line_without_a_cut_stays(text: str) -> None:
    assert mend([text], text) == text


def test_a_long_line_with_many_cuts_takes_linear_time() -> None:
    begun = time.process_time()
    mend(["rye and wheat, " * 20] * 20_000, "")
    mend(["", "! " * 1_000_000], "")
    assert time.process_time() - begun < 30
