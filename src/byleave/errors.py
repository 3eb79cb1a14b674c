"""The whole error tree, and the table of every stable code.

    ByleaveError
      InputError      what you gave is malformed or does not exist         exit 2
      EvidenceError   a document, proof or store does not hold up          exit 3
      ConflictError   someone else is at work, or the order is wrong       exit 1
      WorldError      the disk, the network or the clock failed            exit 1
      RefusedError    understood, and not allowed                          exit 4
      ErasedError     what would decide was erased with a member           exit 1

A refusal to *use a row* is a value with a reason, never an exception.
Messages name what was found and what was wanted; they never hold personal data.
`where` is a file, line or column; `hint` is what to do next, for people.
"""

from __future__ import annotations

from typing import ClassVar, Final

__all__ = [
    "CODES",
    "ByleaveError",
    "ConflictError",
    "ErasedError",
    "EvidenceError",
    "InputError",
    "RefusedError",
    "WorldError",
]

CODES: Final[dict[str, str]] = {
    # input: any room
    "input.malformed": "A document or value is not in the form its format asks for.",
    "input.not-found": "A file or folder that was named does not exist.",
    "input.unknown-field": "A document holds a field its format does not know; doubt means no.",
    "input.instant": "An instant is not written as 2024-09-18T00:00:00Z, or has no zone.",
    "input.digest": "A digest is not 64 lowercase hexadecimal digits.",
    "canonical.not-canonical": "Bytes are valid JSON but not in the one accepted encoding.",
    "canonical.not-encodable": "A value has no canonical encoding (a float, a huge integer, a key that is not ASCII).",
    # policy
    "use.malformed": "A use or scope is not written as PURPOSE/CATEGORY/RECIPIENT.",
    "use.unknown-term": "A purpose, data category or recipient is in no tree of the taxonomy.",
    "use.not-leaf": "One use is wanted, and a part of it names a group of them.",
    "use.replaced-term": "A use names a term that another has replaced, with another meaning.",
    "recipients.malformed": "A recipients file has an unknown term, word, date or company, or a gap.",
    "ota.not-a-repository": "The folder is no git clone of a versions repository.",
    "ota.git": "The git program is missing, or could not read the clone.",
    "policy.lint": "Prose and declaration disagree, and --strict was asked for.",
    "taxonomy.malformed": "A taxonomy has a term without its parent, or changes one that stands.",
    "ruleset.malformed": "A ruleset has an unknown word, a rule without a citation, or a bad date.",
    "policy.malformed": "A policy document lacks its front matter, or the front matter is wrong.",
    "policy.reconcile": "What was published and what was recorded disagree.",
    "policy.retroactive": "A policy document would take effect before it was recorded.",
    "notice.preset-control": "A control that was on before the member acted gives no consent (G1).",
    "notice.control-state": "The final state given for a control is not one that this answer can leave.",
    "notice.no-variant": "A notice has no text in that language for that screen.",
    "notice.token-malformed": "A notice token is not in its one encoding.",
    "notice.token-signature": "A notice token was not signed by this workspace's notice key.",
    "notice.token-time": "A notice token is used after it expired, or before it was issued.",
    "notice.token-notice": "A notice token is for another notice, or for other bytes of it.",
    "notice.token-member": "A notice token was made for another member.",
    "notice.token-replayed": "A notice token was used before; each answers once.",
    "ruleset.retroactive": "A rule that lets more in would hold from before it was logged.",
    # consent
    "consent.retroactive": "A live choice was to take effect before it was recorded.",
    "consent.ends-before-start": "A grant ends before it starts.",
    "consent.notice-unknown": "A choice names a notice that was never published.",
    "consent.notice-missing": "A grant names no notice; consent is to something said (G2).",
    "consent.import-mapping": "An import's mapping of purposes is malformed.",
    "consent.import-changed": "The file of an unfinished import is not the one it began with.",
    "consent.import-payload": "A consent platform's payload has a field or value the adapter does not know.",
    "consent.replay-differs": "Deriving again gives another answer than the one on record.",
    "consent.order": "Ledger indexes of one member's events do not strictly increase.",
    "consent.batch": "The columns of a batch of events do not fit one another.",
    "consent.table": "A consent table lacks a column, or a row of it cannot be read.",
    "consent.unknown-decision": "A decision is not one of grant, refuse, withdraw, object.",
    "signal.unknown": "No adapter reads a signal of this kind, or in this form.",
    "signal.malformed": "A signal's payload is not in the form that its specification asks for.",
    "signal.category": "A signal that speaks for the whole person was narrowed to one category of data.",
    "receipt.no-choice": "A consent receipt is about a choice, and the member has made none.",
    # contract and gate
    "contract.malformed": "A data-set contract has a field or value its format does not know.",
    "contract.column-missing": "The contract names a column that the data does not have.",
    "contract.column-type": "A column has a type that its role in the contract cannot take.",
    "contract.column-value": "A column holds a value that its role in the contract cannot take.",
    "gate.sum": "Rows kept and dropped do not sum to the rows read; nothing of the run counts.",
    "gate.not-by-gate": "A gated table can be made by the gate alone (G6).",
    "gate.replay-differs": "Deciding again at the same ledger position and instant gave another record.",
    "gate.region-column": "The column named for regions is in neither table.",
    "plan.version": "A plan file was written by a newer version of Byleave.",
    "plan.malformed": "A file is no plan file, or its header is not in the form of the format.",
    "plan.truncated": "A plan file ends before its planes do.",
    "plan.digest": "A plan file's planes are not the ones its digest is over.",
    "data.unreadable": "A data file is damaged, cut short, or of a kind that is not read.",
    "data.changed": "A file was replaced or changed while it was read; nothing was kept.",
    "data.schema-drift": "The files of one data set do not have one schema.",
    "emit.over-input": "An output of the gate would be written over an input, or over another output.",
    "gate.plan-behind": "A plan is older than the ledger or the instant it is asked to speak for.",
    "selection.digest": "A selection's rows or header are not the ones its digest is of.",
    "selection.malformed": "A file is not a selection, or not one of this version.",
    "selection.other-data": "A selection was made of another file, or of other bytes of this one.",
    # note, merkle, log
    "note.malformed": "A signed note, a checkpoint or a key is not in the one spelling of its format.",
    "note.too-large": "A signed note is longer, or has more signatures, than the format's limits.",
    "note.no-known-signature": "No signature of a note is by a key the caller knows.",
    "note.bad-signature": "A signature by a known key does not verify; the whole note is refused.",
    "note.key": "A verifier or signer key is malformed, of an unknown type, or its id is not its own.",
    "trust.malformed": "A trust file has a line that tlog-policy does not know, or names something twice.",
    "trust.unknown-log": "A checkpoint is of a log that the trust file does not list.",
    "trust.quorum": "Fewer witnesses cosigned a checkpoint than the trust file asks for.",
    "merkle.no-such-leaf": "A proof was asked for a leaf or a size that the tree does not have.",
    "merkle.index-out-of-range": "An index is not below the tree's size.",
    "merkle.sizes-out-of-order": "A consistency proof is about an older tree that is the larger one.",
    "merkle.path-length": "A proof has more or fewer hashes than its index and size need.",
    "merkle.hash-length": "A hash of a proof is not 32 bytes long.",
    "merkle.root-mismatch": "The root recomputed from a proof is another than the one it is checked against.",
    "log.tile-path": "A path is not that of a tile or an entry bundle.",
    "log.tile-damaged": "A tile of the log is missing bytes or does not lead to the checkpoint's root.",
    "log.entry-damaged": "An entry bundle is damaged: an entry is not the one its leaf hash commits to.",
    "log.tile-missing": "A tile or an entry bundle that the checkpoint needs is not there.",
    "log.no-checkpoint": "The log has not published a checkpoint yet.",
    "log.too-long": "A log has more entries than one page of a browser can hold.",
    "log.no-such-entry": "An entry index is not below the size of the published log.",
    "log.head-moved": "Another publisher signed a newer checkpoint first; publish again.",
    "log.head-damaged": "The stored head of the log is not a checkpoint signed by this log's key.",
    "log.head-behind": "The published checkpoint is newer than the stored head: signing on could fork the log.",
    "log.source-shorter": "The ledger has fewer entries than the log has signed for.",
    "log.source-diverged": "The ledger's entries are not the ones the log has signed for.",
    "log.staging-differs": "What was read back from storage is not what was written; nothing was signed.",
    "log.address": "A log's address is neither a folder nor an http, https or s3 address.",
    "log.forked": "Two checkpoints that one log signed contradict each other: history was rewritten, or two histories are shown.",
    "log.model-twice": "Two entries of a log release a model of one digest.",
    "log.enrolment-twice": "A log holds the enrolment of one member secret twice.",
    "log.receipt-differs": "An entry that a receipt holds is not the one that the log holds at that index.",
    "log.release-twice": "Two entries of a log release models under one name.",
    "log.directory-order": "A directory does not count up by one, or does not name the one before it.",
    "log.directory-members": "A directory lists another number of members than the log enrolled before it and did not erase.",
    "log.epoch-twice": "Two lineages of snapshots have one epoch, so a member has one label in both.",
    "log.lineage-broken": "A snapshot names a parent that is no earlier snapshot of its epoch, k and use.",
    "log.release-unsealed": "A release names a snapshot that the log does not hold at that index.",
    "log.cessation-contradicted": "A use was stated to have ceased, and the log holds an entry of it since then.",
    "log.snapshot-twice": "Two entries of a log seal snapshots of one name.",
    "log.quorum-unmet": "Fewer witnesses cosigned a new checkpoint than the trust file asks for; it is signed, and not served.",
    "log.rolled-back": "A log serves an older checkpoint than was seen before; it does not contradict it.",
    "log.unreachable": "A file of a log could not be fetched, though it may be there.",
    "fork.malformed": "A fork proof is not in its one encoding.",
    "fork.none": "The two checkpoints of a fork proof do not contradict each other.",
    "monitor.state": "A monitor's state file is damaged, or is of another log.",
    "note.ml-dsa-missing": "A key or signature is of the type ML-DSA-44, which the installed cryptography package does not have.",
    "witness.folder": "A folder is no witness's, or holds one already.",
    "witness.request": "A request to a witness is not in the form of tlog-witness.",
    "witness.state": "What a witness keeps of a log is damaged; it cosigns nothing for that log.",
    # evidence and verify
    "verify.ground-closed": "A presence proof does not open the holder's own consent.",
    "verify.ground-unknown": "A presence proof stands on a consent that the receipt does not hold.",
    "verify.own-proof": "A proof that was just made does not verify, or a changed one does.",
    "entry.malformed": "A log entry is not canonical JSON with exactly the fields of its kind.",
    "entry.unknown-kind": "A log entry is of a kind this version does not know.",
    "entry.too-long": "A log entry is longer than 65,535 bytes.",
    "proof.empty": "A proof file has no bytes.",
    "proof.too-deep": "A proof file is refused, and its brackets nest over 64 deep.",
    "proof.malformed": "A proof file is not in its one encoding, or lacks or adds a field.",
    "proof.too-large": "A proof file, or one part of it, is beyond the format's limits.",
    "proof.unknown-kind": "A proof file is of a kind this version does not know.",
    "proof.enrolled-later": "A proof was asked about a snapshot that was sealed before the member was enrolled.",
    "proof.no-such-record": "A member has fewer records in a snapshot than the number asked for.",
    "proof.digest": "A proof file's digest is not that of its contents: the file was changed.",
    "proof.log-proof": "A tlog-proof text is not in its one spelling.",
    "receipt.malformed": "A receipt is not in its one encoding, or lacks or adds a field.",
    "receipt.commitment": "A receipt's member, secret or event is not what the log entry commits to.",
    "receipt.joint": "A receipt's two nonces do not give its secret, or the offer is for another nonce.",
    "map.label-listed": "A proof of absence is for a label that the bucket lists.",
    "map.label-not-listed": "A proof of presence is for a label that the bucket does not list.",
    "map.label-outside-bucket": "A bucket lists a label whose first bits are another bucket's.",
    "map.labels-order": "A bucket's labels are not strictly ascending.",
    "map.malformed": "A bucket proof has a part of a wrong length, or a record that does not parse.",
    "map.records-order": "The record leaves of a presence proof are not strictly ascending, or there are none.",
    "map.ground-opening": "The opening of a record's ground is not what the record leaf commits to.",
    "map.root-mismatch": "The bucket does not lead to the snapshot's root.",
    "vrf.key": "Bytes that should be the public key of a VRF are none, or one of small order.",
    "vrf.proof": "A VRF proof does not verify under the key, for the input.",
    "verify.receipt-needed": "The proof speaks of a member's secret label, and no receipt was given.",
    "certificate.approximate": "A certificate is for a release whose trainer does not unlearn exactly.",
    "certificate.not-among": "A certificate was checked with the receipt of somebody it did not take out.",
    "certificate.signature": "A certificate is not signed by the key that its log entry names.",
    "certificate.statement": "A certificate states something else than its log entries and the map show.",
    "certificate.too-large": "An unlearning changed more of a map than one proof file holds.",
    "cessation.signature": "A statement of cessation is not signed by the key that its log entry names.",
    "cessation.statement": "A statement of cessation is not the one that its log entry is of.",
    "verify.terms": "The terms in a proof of disclosure are not the ones that the log commits to.",
    "verify.wrong-entry": "A log entry of the proof is of another kind, or another one than is named.",
    "verify.order": "The entries stand in the log in an order that they cannot have.",
    "verify.fork": "Two checkpoints of one log have the same size and different roots: the log was forked.",
    "verify.two-logs": "The entries of one proof come from different logs.",
    "verify.label": "The label in the proof file is not the label of this receipt.",
    "verify.two-receipts": "A proof file holds a receipt, and another one was given.",
    # snapshot
    "snapshot.digest": "A snapshot's file differs from the digest that the log or manifest holds.",
    "snapshot.not-held": "A row to be removed is not in the snapshot.",
    "snapshot.erased-member": "A member of the snapshot has had their secret erased.",
    "snapshot.manifest": "A snapshot's manifest is not of a known format.",
    "snapshot.map-damaged": "A file of a snapshot's map is cut short, or does not lead to the logged root.",
    "snapshot.other-lineage": "Two snapshots are not of one lineage, so their maps cannot be compared bucket by bucket.",
    "snapshot.nothing-to-renew": "The gate still admits every row of the snapshot.",
    "map.delta-order": "The changed buckets of a delta proof are out of order or range, or one of them did not change.",
    "map.delta-siblings": "A delta proof has more or fewer hashes than its changed buckets need.",
    "evidence.erased": "What the answer needs was erased with a member: it is neither valid nor invalid.",
    "erasure.standing": "A member's rows still stand in a current snapshot, release or package.",
    "erasure.unfinished": "An erasure was begun and not finished.",
    "map.bucket-overfull": "A bucket would hold more than 255 members; start a new lineage with a new epoch.",
    "map.label-twice": "Two members of a map have the same label.",
    "map.no-records": "A member without records was given to a map.",
    "map.member-present": "An absence proof was asked for a label that is in the map.",
    "map.member-absent": "A presence proof or a removal was asked for a label that is not in the map.",
    "map.parameters": "A map's epoch, k or a member's secret, enrolment or record leaf has a wrong size.",
    # training
    "release.environment": "A refit would not run in the environment of the release.",
    "release.environment-unknown": "The distributions that a release was fitted with were not recorded.",
    "release.tainted": "A release holds rows that had to be unlearned by now.",
    "release.tainted-read-only": "Loading a tainted release by force is logged; this was read-only.",
    "release.purged": "A release's model files were removed once it was unlearned, as the purge rule says.",
    "release.rollback": "A release cannot take the place of this one: not older, of another trainer, or not in service.",
    "release.rollback-stale": "The older release holds rows that may no longer be used.",
    "release.stale-run": "A run was trained on rows that may no longer be used.",
    "training.measurements": "A trainer that does not unlearn exactly lacks its measurements, or an exact one has some.",
    "training.not-exact": "Forgetting and fitting without the rows gave different bytes.",
    "training.unknown-trainer": "No trainer of that name is installed.",
    "training.task": "A trainer's task names a column that the run has not, or its answers have another form.",
    "training.overtaken": "Rows were withdrawn, and the batch carried out, while a fit on them computed.",
    "training.not-sharded": "A forecast, or a clean checkpoint, was asked of a trainer that has no shards.",
    "training.columns": "The snapshot lacks a column that the trainer needs, or it is not mapped.",
    "training.no-state": "A training run's private state is not held: interrupted, or unlearned.",
    "training.suggest": "A release was asked in a way that its trainer does not take.",
    "training.state-differs": "A training run's private state no longer gives the model it gave.",
    "release.digest": "A release's model files differ from the digest in the log.",
    "release.envelope": "A release's statement is not a signed in-toto statement.",
    "release.signature": "The signature over a release's statement does not hold.",
    "trainer.file": "A file of a trainer of one's own does not run, or makes no trainer.",
    "trainer.device": "The device that a learner was to train on is not there.",
    "trainer.encoder": "The frozen encoder is missing, of another kind, or not the recipe's.",
    "trainer.model": "The files of a model are damaged, or another trainer's.",
    "trainer.not-held": "A record to be forgotten is not in the trainer's state.",
    "trainer.other-recipe": "Other code, packages, key or numbers made a state than those that would go on with it.",
    "trainer.package": "A package that a trainer's results depend on is not installed.",
    "trainer.recipe": "A recipe has a field missing, unknown or out of range.",
    "trainer.rows": "Rows for training lack a column, hold a null, or fill one place twice.",
    "trainer.state": "The files of a trainer's state are damaged, or another trainer's.",
    # others' tools
    "hook.unreachable": "MLflow or OpenLineage could not be told what was done.",
    # what a program read of a snapshot
    "reads.malformed": "A trace of reads is cut short, or does not say what was read.",
    "reads.foreign-row": "A trace names a row that the snapshot does not hold.",
    "reads.values": "Values were handed out that are not those of the sealed rows, or a trace was changed.",
    "reads.digest": "An attestation, its files and its log entry do not belong together.",
    "reads.attested": "A trace of reads was attested before; it is of one run.",
    "reads.exists": "The folder for a trace of reads holds something already.",
    "reads.row-column": "A framework asked for rows without the columns that say which rows they are.",
    "reads.uneven": "Rows were left out, or some read more often than others, and each-once was asked for.",
    # disclosure and case
    "disclosure.nothing-allowed": "No record may go to this recipient for this use.",
    "disclosure.nothing-new": "The recipient holds every record that may go to it.",
    "disclosure.over": "Terms were to run out before the package is made.",
    "disclosure.counts-as-training": "The recipient's contract permits training, and not every record may be trained on there.",
    "disclosure.no-contract": "No contract with the recipient is in force at the instant of the offer.",
    "disclosure.not-affiliate": "The recipient is named an affiliate, and was none at the instant of the offer.",
    "disclosure.passes-on": "The recipient's contract lets it pass data on to anyone, which nobody can agree to.",
    "disclosure.to-oneself": "A package was to be offered to the platform itself.",
    "disclosure.order": "A step of a disclosure came in an order the state table does not list.",
    "disclosure.terms": "The terms of a package are not a terms document.",
    "disclosure.wrong-package": "An acknowledgement answers another package, recall or recipient.",
    "disclosure.card": "A recipient's card is malformed.",
    "disclosure.chain": "A package or an order is not the one that the log commits to, or does not follow from the one it was taken from.",
    "disclosure.copy-changed": "The rows that a recipient holds are not those that were delivered.",
    "disclosure.damaged": "A package's bytes were changed on the way, or are cut off.",
    "disclosure.denied": "A recipient says it never held a package that it signed for.",
    "disclosure.expired": "The terms of a package ran out.",
    "disclosure.folder": "No recipient's folder stands there, or one does already.",
    "disclosure.half-downloaded": "A download ended before the listed size.",
    "disclosure.may-not-pass-on": "A recipient's terms do not let it hand these rows to that recipient.",
    "disclosure.onward-open": "Those to whom the rows were passed on have not all answered.",
    "disclosure.package": "Bytes are no package, order, delivery or answer.",
    "disclosure.package-path": "A package names a file that it may not hold, such as one outside its folder.",
    "disclosure.recall-open": "Rows of a package are recalled and not deleted yet.",
    "disclosure.request": "A request over the network is not signed by a registered key, or is too old.",
    "disclosure.roots": "The roots of an acknowledgement do not lead from the rows handed over to those rows less the recalled ones.",
    "disclosure.row-unknown": "An order names a row that the package never held.",
    "disclosure.signature": "A card, package, order or answer is not signed by the key that it has to be.",
    "disclosure.unreachable": "The other side cannot be reached, or answered something else.",
    "disclosure.unregistered": "A recipient has no registered key.",
    "disclosure.wrong-key": "A package is encrypted to another key.",
    "case.interval": "An interval ends before, or at, its start, or two that must not overlap do.",
    "case.column": "A table of the case lacks a column that it must have.",
    "case.type": "A column of a table of the case holds something else than it should.",
    "case.duplicate": "Two things of the case that must differ share an id, or one has none.",
    "case.decision": "A choice is neither grant, refusal, withdrawal nor objection.",
    "case.no-purge": "The case asks for no purge.",
    "case.purge-left": "After a purge, rows of the interval are still held.",
    "case.statement": "A case's statement is not the one that is logged, or has impossible numbers.",
    "case.inputs-differ": "A file of the case is not the one that its statement names.",
    "case.results-differ": "A case run again, or its output, is not what its statement says.",
    "case.output": "A folder holds no finished run of a case, or something that must stay.",
    "case.log-folder": "A folder holds no case log, or already holds one.",
    "case.gate": "The gate that a case asks for cannot be run as stated.",
    "case.engine": "The engine does not carry what the case asks, or there is none of that name.",
    "case.parts": "The folder for the parts of a run holds something else, or is in use.",
    "case.cohort-column": "A cohort asks about something that the import does not hold.",
    "case.reading": "A reading is unknown to the rule pack, or cannot be computed as asked.",
    "case.table": "A table of the case cannot be read as CSV or Parquet.",
    "case.malformed": "The case file is not in the form of docs/spec/case.md.",
    # summary
    "summary.kind": "No kind of summary has this name.",
    "summary.form": "A kind of summary is not written to files that end so.",
    "summary.nothing": "There is neither a release nor a snapshot to summarise.",
    "summary.release": "This kind of summary is about a release, and there is none.",
    # workspace, data sets, portal
    "data.columns": "A data set's file lacks columns, or has them with another type.",
    "data.damaged": "A data set's file cannot be read: truncated, or not of its format.",
    "data.digest": "A downloaded file is not the published one: its size or SHA-256 differs.",
    "data.not-found": "A folder that was named holds no such data set.",
    "data.row-count": "A data set has another number of rows, members or threads than published.",
    "data.unreachable": "A data set's origin could not be reached.",
    "workspace.clock": "The clock went backwards.",
    "cli.usage": "The command line was not understood.",
    "cli.interrupted": "The command was stopped by the person at the keyboard.",
    "cli.fault": "Byleave itself is at fault.",
    "cli.extra-missing": "A package of an optional extra is not installed.",
    "pages.malformed": "The facts given for a page or report do not have the shape it declares.",
    "pages.member-label": "A report names a member other than as `member A`; it holds no member ids.",
    # the server
    "job.elsewhere": "Another server process runs the jobs of this workspace.",
    "job.ended": "A job has ended, and cannot be cancelled any more.",
    "job.fault": "A trainer of the platform's own raised an error in a job.",
    "job.lost": "The server stopped before a job had ended.",
    "job.many": "Too many jobs are waiting.",
    "job.unknown": "There is no job of that number.",
    "api.changed-since": "What an act would change is not what was shown before it.",
    "api.form": "A request with a session's cookie did not come from a form of this site.",
    "api.key-missing": "A request that changes something has no Idempotency-Key.",
    "api.key-reused": "An Idempotency-Key was used before for another request.",
    "api.key-unfinished": "The first request with this Idempotency-Key has not been answered.",
    "api.malformed": "A request is not in the form that the API says.",
    "api.media-type": "A request's body has a media type that this address does not take.",
    "api.member": "A request by API token does not say which member it is about.",
    "api.method": "An address does not take that method.",
    "api.not-found": "Nothing stands at that address.",
    "api.rate": "One caller sent too many requests in a row.",
    "api.reason": "A request reads a member's data, or acts, without saying why.",
    "api.read-only": "A server that only reads was asked to change something.",
    "api.role": "A route is for callers of another role.",
    "api.scope": "An API token lacks the scope that a route needs.",
    "api.sign-in": "A route needs a sign-in or an API token.",
    "api.token": "An API token is unknown, revoked or over.",
    "api.too-large": "A request's body is larger than is taken, or its length is not said.",
    "access.name": "An API token of that name was made before.",
    "access.scope": "A scope named for an API token does not exist.",
    "access.unknown": "No API token of that name is good now.",
    "webhook.address": "A webhook's address is not https, or has a name before an @.",
    "webhook.exists": "There is a webhook of that name already.",
    "desk.damaged": "The file of sessions and tokens is not one of ours, or of a newer version.",
    "desk.unreadable": "The file of sessions and tokens can be neither read nor made.",
    "oidc.settings": "A field of [portal.oidc] in byleave.toml is missing, unknown or wrong.",
    "oidc.secret": "The secret with which the portal comes to the sign-in provider cannot be read.",
    "oidc.provider": "The sign-in provider cannot be reached, or answers not as specified.",
    "oidc.denied": "The sign-in provider ended the sign-in and let nobody in.",
    "oidc.state": "A provider's answer belongs to no sign-in of this browser, or came twice, or too late.",
    "oidc.token": "What the sign-in provider says of a person does not hold when checked.",
    "oidc.role": "Nothing that the sign-in provider says of a person gives them the role they asked for.",
    "oidc.unknown": "The sign-in provider names a member who is not enrolled here.",
    "server.tls": "A certificate and its key cannot be read, or do not belong together.",
    "upload.unknown": "No file of this digest was sent, or it was sent more than a day ago.",
    "upload.full": "So many files of rows wait to become sources that no more are taken.",
    "portal.settings": "A field of [portal.contact] or [portal.authority] in byleave.toml is unknown or wrong.",
    "portal.cannot-bind": "The portal cannot listen on the address and port it was given.",
    "portal.demo-loopback-only": "A demo workspace is only served to the machine it is on.",
    "portal.link": "A member link cannot be made: its key is short, or its numbers are out of range.",
    "input.name": "A name has characters that file names here may not have.",
    "workspace.missing": "The folder is not a Byleave workspace.",
    "workspace.exists": "Something of that name exists already.",
    "workspace.damaged": "The workspace's files do not agree with each other or with their digests.",
    "workspace.busy": "Another process is writing to this workspace.",
    "workspace.ledger-url": "The address of a ledger is not one, or it holds a password.",
    "workspace.value": "A value is none that a ledger keeps: too long, too large, or out of its place.",
    "workspace.older": "The ledger is of an older version; opening it for writing brings it up to date.",
    "workspace.moved": "What a long computation started from was changed before it ended.",
    "workspace.no-turn": "A workspace that is shared by turns was written to outside one.",
    "workspace.read-only": "The workspace was opened without the right to write.",
    "workspace.unknown-object": "The workspace holds no object of that kind and name.",
    "world.disk-full": "There is no room left on the disk.",
    "world.storage": "The disk or the ledger refused a read or a write.",
    "member.unknown": "The ledger knows no such member.",
    "member.enrolled": "The member is enrolled already, and a secret is made once.",
    "enrolment.offer-used": "The operator's part of a secret was offered once and has been used.",
    "directory.damaged": "The stored rows of a directory differ from the ledger's digest.",
    "directory.key-gone": "The key of a directory has been destroyed: nobody can be looked up in it.",
    "cessation.contradicted": "A use cannot be stated to have ceased: the log holds an entry of it since then.",
    "cessation.interval": "A statement of cessation is about an instant that is yet to come.",
    "request.closed": "A request was closed already, and is closed once.",
    "request.extended": "A request got more time already, and gets it once.",
    "request.no-extension": "The law gives this request no more time, or not so much, or it is too late to say so.",
    "member.erased": "The member's secret has been erased; evidence about them is gone.",
}


class ByleaveError(Exception):
    """Base of every error Byleave raises on purpose.

    Args:
        message: What was found and what was wanted; lowercase, no full stop, no personal data.
        code: A key of `CODES`.
        where: The file, line, column or check concerned.
        hint: What a person can do next.
    """

    family: ClassVar[str] = "failure"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, code: str, where: str | None = None, hint: str | None = None
    ) -> None:
        if code not in CODES:
            raise AssertionError(f"error code {code!r} is not in byleave.errors.CODES")
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint

    def to_dict(self) -> dict[str, str | None]:
        """Return the error as the object that `--json` prints under `error`."""
        return {
            "code": self.code,
            "family": self.family,
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
        }


class InputError(ByleaveError):
    """What the caller gave is malformed, unknown or missing."""

    family = "input"
    exit_code = 2


class EvidenceError(ByleaveError):
    """Evidence does not verify: a proof, a signature, a digest, a damaged store."""

    family = "evidence"
    exit_code = 3


class ConflictError(ByleaveError):
    """Another process holds the workspace, or steps came in the wrong order; retry later."""

    family = "conflict"


class WorldError(ByleaveError):
    """The disk is full, the network is gone, a file cannot be written."""

    family = "world"


class ErasedError(ByleaveError):
    """What the answer needs was erased: neither valid nor invalid, and it never will be again."""

    family = "erased"


class RefusedError(ByleaveError):
    """The request was understood and is not allowed."""

    family = "refused"
    exit_code = 4
