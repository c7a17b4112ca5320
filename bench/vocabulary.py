"""Made-up words and text whose word frequencies are like those of a language: by Zipf's law."""

from bisect import bisect
from itertools import accumulate
from random import Random

SIZE = 20_000
ONSETS = [*"bcdfghjklmnprstvw", "br", "ch", "dr", "fl", "gr", "pl", "qu", "sh", "sp", "st", "th", "tr"]
NUCLEI = [*"aeiou", "ai", "ea", "ee", "ia", "oo", "ou"]
CODAS = ["", "", "", "l", "m", "n", "nd", "r", "rt", "s", "st", "t", "ck"]
ACCENTED = str.maketrans("aeiouc", "äéïöüç")
CJK = "会議資料送付確認予定来週東京大阪部長様お世話なりますよろしく願いたし添付見積書契約更新日程調整"


def make_word(random: Random) -> str:
    """One word of one to three syllables."""
    syllables = random.choice((1, 2, 2, 2, 3, 3))
    return "".join(random.choice(ONSETS) + random.choice(NUCLEI) + random.choice(CODAS) for _ in range(syllables))


class Vocabulary:
    """Words by falling frequency: the word of rank r (from 1) is 1/r as frequent as the first."""

    def __init__(self, seed: int) -> None:
        random = Random(f"vocabulary {seed}")
        words: dict[str, None] = {}
        while len(words) < SIZE:
            words.setdefault(make_word(random))
        self.words = list(words)
        self._cumulated = list(accumulate(1 / rank for rank in range(1, SIZE + 1)))

    def pick(self, random: Random, count: int) -> list[str]:
        """Draw `count` words, with repetition."""
        return random.choices(self.words, cum_weights=self._cumulated, k=count)

    def sentence(self, random: Random) -> str:
        """A sentence of 4 to 18 words."""
        words = self.pick(random, random.randint(4, 18))
        return " ".join(words).capitalize() + random.choice(".....?!")

    def paragraph(self, random: Random) -> str:
        """One to five sentences."""
        return " ".join(self.sentence(random) for _ in range(random.randint(1, 5)))

    def searched(self, random: Random, count: int) -> list[str]:
        """`count` words as people search for them: each stands in about 0.3 to 3 percent of the messages."""
        first = bisect(self._cumulated, 0.65 * self._cumulated[-1])
        last = bisect(self._cumulated, 0.83 * self._cumulated[-1])
        return random.sample([word for word in self.words[first:last] if len(word) > 4], count)


def accented(text: str) -> str:
    """The same text with letters of western Europe."""
    return text.translate(ACCENTED)


def japanese(random: Random, length: int) -> str:
    """A text without spaces, of characters of Japanese business mail."""
    return "".join(random.choices(CJK, k=length)) + "。"
