"""The files of wordings: their form, both languages, the same variables; and when new words are due (F2, D4)."""

from dataclasses import replace

import pytest

from services.notifications.templates.rules import CODES, LANGUAGES, forbidden_words
from services.notifications.wordings.handlers import FOLDER, shipped
from services.notifications.wordings.rules import Newest, Unreadable, Wording, read, version_due

OURS = Wording("bill.due", "sms", "en", "", "Pay {amount_yuan}, please.")
CHANGED = replace(OURS, body="Please pay {amount_yuan}.")


class TestFiles:
    def test_every_code_has_a_file_in_both_languages(self) -> None:
        wanted = {f"{code}.{language}.txt" for code in CODES for language in LANGUAGES}
        assert {path.name for path in FOLDER.glob("*.txt")} == wanted

    def test_both_languages_speak_on_the_same_channels_of_the_same_things(self) -> None:
        variables = {wording.key: wording.variables for wording in shipped()}
        assert len(variables) > 60
        for (code, channel, language), names in variables.items():
            for other in LANGUAGES:
                assert variables.get((code, channel, other)) == names, f"{code} by {channel}: {language} and {other}"

    def test_none_threatens(self) -> None:
        assert [wording for wording in shipped() if forbidden_words(wording.subject + wording.body)] == []

    def test_only_text_messages_have_no_subject(self) -> None:
        assert [wording for wording in shipped() if (wording.subject == "") != (wording.channel == "sms")] == []


class TestForm:
    def test_a_section_speaks_for_its_channels_and_keeps_its_paragraphs(self) -> None:
        text = "== sms, email\nSubject: Due {day}\n\nPay {sum}:\n  now\n\nThanks.\n\n== letter\nSubject: A\n\nB\n"
        body = "Pay {sum}:\n  now\n\nThanks."
        assert read("bill.due.en.txt", text) == [
            Wording("bill.due", "sms", "en", "", body),
            Wording("bill.due", "email", "en", "Due {day}", body),
            Wording("bill.due", "letter", "en", "A", "B"),
        ]
        assert read("bill.due.en.txt", text)[1].variables == {"day", "sum"}

    @pytest.mark.parametrize(
        ("name", "text", "complaint"),
        [
            ("bill.due.fr.txt", "== sms\nA", "sections, please"),
            ("bill.due.en.txt", "A", "sections, please"),
            ("bill.due.en.txt", "A\n== sms\nB", "sections, please"),
            ("bill.due.en.txt", "== fax\nA", "no channel 'fax'"),
            ("bill.due.en.txt", "== sms\nA\n== email, sms\nB", "two texts"),
        ],
    )
    def test_anything_else_is_refused_by_name(self, name: str, text: str, complaint: str) -> None:
        with pytest.raises(Unreadable, match=rf"{name}: .*{complaint}"):
            read(name, text)

    def test_the_digest_is_the_one_that_stands_in_databases(self) -> None:
        assert OURS.digest == "c3fab86d1a3d97f32d638dda3591dbf5896508e378fcc840f7bec5bc0932584b"


class TestWhenWordsAreDue:
    def test_first_words_are_version_one(self) -> None:
        assert version_due(OURS, None) == 1

    def test_words_that_stand_are_not_due_again(self) -> None:
        assert version_due(OURS, Newest(OURS, 3, OURS.digest)) is None

    def test_new_words_follow_ours(self) -> None:
        assert version_due(CHANGED, Newest(OURS, 3, OURS.digest)) == 4

    @pytest.mark.parametrize("shipped_digest", [None, CHANGED.digest])
    def test_the_group_s_own_words_stay(self, shipped_digest: str | None) -> None:
        assert version_due(CHANGED, Newest(replace(OURS, body="Ours."), 3, shipped_digest)) is None
