/* Checks of members' proofs: absence, presence, a record, a choice, an enrolment. */

// --- checks from a release to a member's records ---------------------------------------------

const checkRelease = async (run, proof) => {
  const place = await run.logged(proof.release);
  const release = parseEntry(proof.release.entry, "release/v1");
  Object.assign(run.facts, {
    release: release.release,
    release_index: place.index,
    model: release.model,
    exact: release.exact,
    origin: place.under.origin,
  });
  return `${release.release}, model ${short(release.model)}: ${where(place)}`;
};
const checkSnapshot = async (run, proof) => {
  const place = await run.logged(proof.snapshot);
  const snapshot = parseEntry(proof.snapshot.entry, "snapshot/v1");
  const release = parseEntry(proof.release.entry, "release/v1");
  if (place.index !== release.snapshot || place.leaf !== release.snapshot_leaf)
    wrong("this is not the snapshot that the release names");
  const late =
    [release.snapshot, release.recipe].some((index) => index >= proof.release.index) ||
    snapshot.gate >= place.index ||
    (snapshot.parent !== null && snapshot.parent >= place.index);
  if (late) after();
  run.snapshot = snapshot;
  run.place = place;
  Object.assign(run.facts, {
    snapshot: snapshot.snapshot,
    snapshot_index: place.index,
    use: snapshot.use,
  });
  run.claim = `snapshot ${snapshot.snapshot}, on which release ${release.release} was trained`;
  return `${snapshot.snapshot}: ${where(place)}, named by the release`;
};
const enrolledBefore = (enrolment, index) => {
  if (enrolment.index >= index)
    refuse("the member was enrolled after what is claimed", "verify.order");
};
const checkEnrolment = async (run) => {
  if (!run.receipt) return new Skipped("no receipt given");
  run.enrolment = await run.logReceipt();
  enrolledBefore(run.enrolment, run.place.index);
  return `${where(run.enrolment)}, before the snapshot`;
};
const directoryLabel = async (entry, member, vrf) => {
  const alpha = join([bigEndian(entry.number, 8), utf8.encode(member)]);
  const output = await verifyVrf(fromHex(entry.vrf_key), alpha, fromHex(vrf));
  return tagged(0x15, output);
};
const verifyEnrolled = async (proof, entry, member, enrolment) => {
  const label = await directoryLabel(entry, member, proof.vrf);
  const parts = [fromHex(label.slice(32)), bigEndian(enrolment.index, 8), fromHex(enrolment.leaf)];
  const commitment = await tagged(0x16, ...parts);
  await verifyListed(proof, label.slice(0, 32), commitment, entry.k, entry.root);
};
const checkDirectory = async (run, proof) => {
  if (!proof.directory) return new Skipped("the file has none");
  if (!run.receipt || !run.enrolment) return new Skipped("no receipt given");
  const place = await run.logged(proof.directory.entry);
  const entry = parseEntry(proof.directory.entry.entry, "directory/v1");
  if (run.enrolment.index >= place.index)
    refuse("the member was enrolled after the directory was made", "verify.order");
  await verifyEnrolled(proof.directory.listed, entry, run.receipt.member, run.enrolment);
  run.directory = `directory ${entry.number} lists it as the one enrolment of this member id`;
  Object.assign(run.facts, { directory: entry.number, directory_index: place.index });
  return `directory ${entry.number}, ${counted(entry.members, "member")}: ${where(place)}`;
};
const FROM_RELEASE = [checkRelease, checkSnapshot, checkEnrolment, checkDirectory];

const checkLabel = async (run, stated) => {
  if (!run.receipt) {
    run.label = stated;
    run.facts.label = stated;
    return `${stated}, as the proof file states; give the receipt to check whose`;
  }
  run.label = await labelOf(run.receipt.secret, run.snapshot.epoch);
  const label = run.label.slice(0, 32);
  if (stated !== null && stated !== label)
    refuse("the proof file is about another label than this receipt's", "verify.label");
  run.facts.label = label;
  return `${label}, recomputed from the receipt's secret`;
};
const holder = (run) => (run.receipt ? "this receipt" : `label ${run.label.slice(0, 8)}…`);
const covered = (run) => (run.directory === null ? "" : `; ${run.directory}`);
const modelLimits = (run) => [NEVER_SHOWS, run.directory ? ONE_DIRECTORY : ONE_SECRET];

const checkGrounds = async (run, records) => {
  const leaves = new Map();
  for (const event of run.receipt.events)
    leaves.set(event.logged.index, (await run.logged(event.logged)).leaf);
  for (const record of records) {
    const opening = record.opening;
    const isOwn = record.ground === OWN_CONSENT;
    if (!opening && isOwn)
      refuse(
        "a record stands on the holder's own consent and does not open it",
        "verify.ground-closed",
      );
    if (!opening) continue;
    if (opening.index >= run.place.index)
      refuse("a record's ground was logged after the snapshot", "verify.order");
    if (!leaves.has(opening.index) && isOwn)
      refuse(
        "a record stands on a consent that the receipt does not hold",
        "verify.ground-unknown",
      );
    if (leaves.has(opening.index) && leaves.get(opening.index) !== opening.leaf)
      wrong("a record's ground is not the receipt's event");
  }
  run.facts.by_role = tally(records.map((record) => ROLES.get(record.role)));
  run.facts.by_ground = tally(records.map((record) => GROUNDS.get(record.ground)));
};

const ABSENCE = {
  steps: [
    ...FROM_RELEASE,
    (run, proof) => checkLabel(run, proof.label),
    async (run, { map }) => {
      const { k, root } = run.snapshot;
      await verifyAbsence(map, run.label.slice(0, 32), k, root);
      return `root ${short(root)}; ${counted(map.labels.length, "label")}, not this one`;
    },
  ],
  statement: (run) =>
    `no record of the holder of ${holder(run)} is in ${run.claim}${covered(run)}`,
  limits: modelLimits,
  needsReceipt: (proof) => proof.label === null,
};
const PRESENCE = {
  steps: [
    ...FROM_RELEASE,
    (run) => checkLabel(run, null),
    async (run, { map }) => {
      const { k, root } = run.snapshot;
      const { index, leaf } = run.enrolment;
      const leaves = [];
      for (const record of map.records) leaves.push(await recordLeaf(record));
      if (!leaves.length || !ascends(leaves))
        refuse("no records, or not strictly ascending", "map.records-order");
      const records = await treeRoot(leaves);
      const blind = run.label.slice(32);
      const own = await memberCommitment(blind, leaves.length, index, leaf, records);
      await verifyListed(map, run.label.slice(0, 32), own, k, root);
      await checkGrounds(run, map.records);
      run.facts.records = leaves.length;
      const labels = counted(map.labels.length, "label");
      return `root ${short(root)}; ${labels}, this one with ${counted(leaves.length, "record")}`;
    },
  ],
  statement: (run) => {
    const { records, by_role: byRole, by_ground: byGround } = run.facts;
    const are = records === 1 ? "is" : "are";
    return (
      `exactly ${counted(records, "record")} of the holder of this receipt ${are} in` +
      ` ${run.claim}: ${listed(byRole, "as ")}; ${listed(byGround, "on ")}${covered(run)}`
    );
  },
  limits: modelLimits,
  needsReceipt: () => true,
};
const RECORD = {
  steps: [
    ...FROM_RELEASE,
    async (run, proof) => {
      const labelled = proof.labelled;
      if (run.receipt) {
        const found = await checkLabel(run, labelled && labelled.label.slice(0, 32));
        if (labelled && labelled.label !== run.label)
          refuse("the label's other half is another's", "verify.label");
        return found;
      }
      run.enrolment = await run.logged(labelled.enrolment);
      parseEntry(labelled.enrolment.entry, "enrolment/v1");
      if (run.enrolment.index >= run.place.index)
        refuse("the enrolment stands after the snapshot", "verify.order");
      run.label = labelled.label;
      run.facts.label = run.label.slice(0, 32);
      return `${run.facts.label}, as the proof file states; enrolled at ${where(run.enrolment)}`;
    },
    async (run, proof) => {
      const { k, root } = run.snapshot;
      const { record, index, of } = proof;
      if (index >= of || of >= 1n << 32n)
        malformedMap("a record's place is not below their number");
      if (proof.labelled && proof.labelled.enrolment.index !== run.enrolment.index)
        wrong("the enrolment is another one");
      const records = await rootFromInclusion(await recordLeaf(record), index, of, proof.siblings);
      const { index: at, leaf } = run.enrolment;
      const own = await memberCommitment(run.label.slice(32), of, at, leaf, records);
      await verifyListed(proof, run.label.slice(0, 32), own, k, root);
      if (run.receipt) await checkGrounds(run, [record]);
      Object.assign(run.facts, {
        records: of,
        record_digest: record.digest,
        role: ROLES.get(record.role),
        ground: GROUNDS.get(record.ground),
      });
      return `root ${short(root)}; record ${short(record.digest)} is one of ${number(of)} of this label`;
    },
  ],
  statement: (run, { record, of }) =>
    `the record with digest ${record.digest} is one of ${counted(of, "record")} of the holder` +
    ` of ${holder(run)} in ${run.claim}: as ${ROLES.get(record.role)}, on` +
    ` ${GROUNDS.get(record.ground)}${covered(run)}`,
  limits: modelLimits,
  needsReceipt: (proof) => proof.labelled === null,
};
const CONSENT_EVENT = {
  steps: [
    async (run, { event }) => {
      const place = await run.logged(event.logged);
      await checkEvent(event);
      run.place = place;
      Object.assign(run.facts, { event_index: place.index, origin: place.under.origin });
      return `the entry commits to the event: ${where(place)}`;
    },
    async (run, { event }) => {
      if (!run.receipt) return new Skipped("no receipt given");
      run.enrolment = await run.logReceipt();
      enrolledBefore(run.enrolment, run.place.index);
      if (own(event.event, "member") !== run.receipt.member)
        refuse("the event is another member's", "receipt.commitment");
      return `the event is this member's; enrolled at ${where(run.enrolment)}`;
    },
  ],
  statement: (run) => {
    const whose = run.receipt ? " of the holder of this receipt" : "";
    const { event_index: index, origin } = run.facts;
    return `the consent event${whose} in this file is entry ${number(index)} of ${origin}`;
  },
  limits: () => ["that the choice was honoured"],
};

// --- directories -----------------------------------------------------------------------------

const checkListing = async (run, proof) => {
  const place = await run.logged(proof.directory);
  const entry = parseEntry(proof.directory.entry, "directory/v1");
  if (entry.previous !== null && entry.previous >= place.index) after();
  run.place = place;
  Object.assign(run.facts, {
    directory: entry.number,
    directory_index: place.index,
    origin: place.under.origin,
  });
  run.claim = `directory ${entry.number}, entry ${number(place.index)} of ${run.facts.origin}`;
  return `directory ${entry.number}, ${counted(entry.members, "member")}: ${where(place)}`;
};
const sameMember = (run, member) => {
  if (member !== run.receipt.member)
    refuse("the receipt is another member's", "receipt.commitment");
};
const LISTING_LIMITS = () => [
  "that nobody's data is held under another id; that other directories say the same (who follows" +
    " the log sees every directory)",
];
const ENROLLED = {
  steps: [
    checkListing,
    async (run, proof) => {
      run.enrolment = await run.logged(proof.enrolment);
      parseEntry(proof.enrolment.entry, "enrolment/v1");
      if (run.enrolment.index >= run.place.index)
        refuse("the enrolment stands after the directory", "verify.order");
      if (!run.receipt) return where(run.enrolment);
      if ((await run.logReceipt()).index !== run.enrolment.index)
        wrong("the enrolment is not the receipt's");
      sameMember(run, proof.member);
      return `${where(run.enrolment)}, the receipt's`;
    },
    async (run, proof) => {
      const entry = parseEntry(proof.directory.entry, "directory/v1");
      await verifyEnrolled(proof.listed, entry, proof.member, run.enrolment);
      return `root ${short(entry.root)}; the id's label is listed with this enrolment`;
    },
  ],
  statement: (run) =>
    `the member id in this file has exactly one enrolment in ${run.claim}: entry` +
    ` ${number(run.enrolment.index)}`,
  limits: LISTING_LIMITS,
};
const NOT_ENROLLED = {
  steps: [
    checkListing,
    async (run, proof) => {
      if (!run.receipt) return new Skipped("no receipt given");
      await run.logReceipt();
      sameMember(run, proof.member);
      return "the receipt is of this member id";
    },
    async (run, proof) => {
      const entry = parseEntry(proof.directory.entry, "directory/v1");
      const label = await directoryLabel(entry, proof.member, proof.vrf);
      await verifyAbsence(proof.map, label.slice(0, 32), entry.k, entry.root);
      const labels = counted(proof.map.labels.length, "label");
      return `root ${short(entry.root)}; ${labels}, not this id's`;
    },
  ],
  statement: (run) => `the member id in this file is not enrolled in ${run.claim}`,
  limits: LISTING_LIMITS,
};
