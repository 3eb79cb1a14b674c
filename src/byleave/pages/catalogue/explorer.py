"""The log explorer, one file that works without a server; in English only."""

from __future__ import annotations

from typing import Final

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    "explorer.title": "Read a log and check it",
    "explorer.lead": "Choose the folder of a published log. Your browser takes every hash of it "
    "again. Then you can read each entry.",
    "explorer.private": "The files you choose stay on your machine. This page can send nothing.",
    "explorer.reach": "Files you choose stay on your machine. This page can reach {log} and no "
    "other place, and does so when you ask it to.",
    "explorer.without-why": "On your own machine the program does the same.",
    "explorer.open": "The log",
    "explorer.folder": "The folder of the log",
    "explorer.folder-why": "It holds a file named checkpoint and a folder named tile. You can also "
    "drop it here.",
    "explorer.trust-why": "It names the log's key and the witnesses that are asked. Get it from "
    "someone you trust, not from whoever gave you the log.",
    "explorer.go": "Check the log",
    "explorer.go-site": "Fetch the log and check it",
    "explorer.read": "Its entries",
    "explorer.find": "Entry number, digest, leaf hash or name",
    "explorer.find-why": "A search that finds nothing is no proof that something is not there.",
    # what the script says
    "explorer-script.yes": "This log holds",
    "explorer-script.no": "This log does not hold",
    "explorer-script.unchecked": "Not checked here",
    "explorer-script.holds": "All {size} entries and every hash above them lead to the signed root.",
    "explorer-script.limits": "This does not show that everything was logged. It does not show that "
    "others were given the same log, unless witnesses of your choice signed.",
    "explorer-script.working": "Checking the log …",
    "explorer-script.missing": "Something is missing",
    "explorer-script.notrust": "Choose or paste a trust file first. None is used unless you give it.",
    "explorer-script.nofolder": "Choose the folder of the log first.",
    "explorer-script.fault": "The check itself broke off. Nothing was shown",
    "explorer-script.origin": "Log",
    "explorer-script.size": "Entries",
    "explorer-script.root": "Root",
    "explorer-script.witnesses": "Cosigned by",
    "explorer-script.nobody": "nobody: the trust file asks for no witness",
    "explorer-script.newest": "Newest cosignature",
    "explorer-script.searching": "Searching …",
    "explorer-script.entries": "Entries, newest first",
    "explorer-script.none": "No entry matches.",
    "explorer-script.absence": "This is no proof of absence. A proof file of the kind absence is: "
    "check one below.",
    "explorer-script.index": "Index",
    "explorer-script.kind": "Kind",
    "explorer-script.means": "What it says happened",
    "explorer-script.leaf": "Leaf hash",
    "explorer-script.newestentries": "The newest entries",
    "explorer-script.older": "Older entries",
    "explorer-script.list": "Back to the list",
    "explorer-script.nosuch": "There is no such entry: the log has {size}.",
    "explorer-script.entry": "Entry {index}",
    "explorer-script.proof": "Its proof of inclusion, taken from the tiles",
    "explorer-script.save": "Save the proof of inclusion",
    "explorer-script.bytes": "The entry, {bytes} bytes, in base64",
    # what an entry of each kind says happened
    "explorer-kind.enrolment-v1": "a member was enrolled",
    "explorer-kind.enrolment-offer-v1": "a member's half of a secret was put down",
    "explorer-kind.directory-v1": "the directory of members was sealed",
    "explorer-kind.consent-event-v1": "a member chose",
    "explorer-kind.consent-import-v1": "choices were imported",
    "explorer-kind.policy-document-v1": "a policy text was published",
    "explorer-kind.notice-v1": "a question for members was published",
    "explorer-kind.ruleset-v1": "rules were put in force",
    "explorer-kind.taxonomy-v1": "the words for uses were put on record",
    "explorer-kind.source-v1": "a table was taken in",
    "explorer-kind.gate-v1": "the gate ran",
    "explorer-kind.snapshot-v1": "a data set was sealed",
    "explorer-kind.recipe-v1": "a recipe was put down before a fit",
    "explorer-kind.release-v1": "a model was released",
    "explorer-kind.unlearning-v1": "a model was unlearned",
    "explorer-kind.attestation-v1": "a run outside was attested",
    "explorer-kind.disclosure-v1": "a package was offered to a recipient",
    "explorer-kind.recipient-key-v1": "a recipient's key was taken in",
    "explorer-kind.package-v1": "a package was made",
    "explorer-kind.delivery-v1": "a recipient fetched a package",
    "explorer-kind.recall-v1": "rows were recalled from a recipient",
    "explorer-kind.acknowledgement-v1": "a recipient answered a recall",
    "explorer-kind.cessation-v1": "a statement was signed that a use has ended",
    "explorer-kind.case-v1": "the answer to a case was stated",
    "explorer-kind.look-v1": "someone looked at a member's data",
    "explorer-kind.request-v1": "a member asked for something by right, or was answered",
    "explorer-kind.act-v1": "someone was about to act through the console",
    "explorer-kind.withdrawal-v1": "a batch of withdrawals was begun",
    "explorer-kind.withdrawal-end-v1": "a batch of withdrawals was finished",
    "explorer-kind.certificate-v1": "a certificate of unlearning was made",
    "explorer-kind.rollback-v1": "an older release was put back",
    "explorer-kind.forced-load-v1": "a tainted release was loaded all the same",
    "explorer-kind.erasure-v1": "members were erased",
}
"""Key → sentence; `explorer-kind.` is followed by the kind of an entry."""
