/* Checks of what the platform did with its models: lineage, unlearning, delta. */

// --- what the platform did -------------------------------------------------------------------

const snapshotOf = (logged) => parseEntry(logged.entry, "snapshot/v1");
const releaseOf = (logged) => parseEntry(logged.entry, "release/v1");
const gateOf = (logged) => parseEntry(logged.entry, "gate/v1");

const LINEAGE = {
  steps: [
    async (run, proof) => {
      const place = await run.logged(proof.release);
      const release = releaseOf(proof.release);
      parseEntry(proof.recipe.entry, "recipe/v1");
      named(release.recipe, await run.logged(proof.recipe), place);
      run.place = place;
      Object.assign(run.facts, {
        release: release.release,
        release_index: place.index,
        model: release.model,
        exact: release.exact,
        origin: place.under.origin,
      });
      return `${release.release}, model ${short(release.model)}: ${where(place)}`;
    },
    async (run, proof) => {
      const release = releaseOf(proof.release);
      const places = [];
      for (const item of proof.snapshots) places.push(await run.logged(item));
      named(release.snapshot, places[0], run.place);
      if (places[0].leaf !== release.snapshot_leaf)
        wrong("this is not the snapshot that the release names");
      const entries = proof.snapshots.map(snapshotOf);
      for (let at = 0; at + 1 < entries.length; at++) {
        const [child, parent] = [entries[at], entries[at + 1]];
        if (child.parent === null) wrong("a first snapshot has no parent");
        named(child.parent, places[at + 1], places[at]);
        if (lineageOf(child) !== lineageOf(parent))
          wrong("two snapshots of one lineage differ in epoch, k or use");
      }
      if (entries[entries.length - 1].parent !== null)
        wrong("the last snapshot has a parent: the lineage is not whole");
      run.facts.lineage = entries.map((entry, at) => ({
        snapshot: entry.snapshot,
        index: places[at].index,
        records: entry.records,
      }));
      return `${counted(entries.length, "snapshot")}, each the parent of the one before it`;
    },
    async (run, proof) => {
      const decided = [];
      for (let at = 0; at < proof.snapshots.length; at++) {
        const snapshot = snapshotOf(proof.snapshots[at]);
        const gate = gateOf(proof.gates[at]);
        const place = await run.logged(proof.gates[at]);
        named(snapshot.gate, place, await run.logged(proof.snapshots[at]));
        if (gate.use !== snapshot.use || gate.ledger > place.index)
          wrong("a gate was for another use, or decided after itself");
        decided.push(gate.ledger);
      }
      const [first, last] = [decided[decided.length - 1], decided[0]];
      const gates = counted(decided.length, "gate");
      return `${gates}, decided at log indexes ${number(first)} to ${number(last)}`;
    },
  ],
  statement: (run, proof) => {
    const entries = proof.snapshots.map(snapshotOf);
    const [last, first] = [entries[0], entries[entries.length - 1]];
    const steps = entries.length - 1;
    const came = steps
      ? `${counted(steps, "change")} after ${first.snapshot} (${number(first.records)} records)`
      : `as sealed from gate entry ${number(first.gate)}`;
    return (
      `release ${run.facts.release} was trained on snapshot ${last.snapshot}` +
      ` (${number(last.records)} records, use ${last.use}), ${came}`
    );
  },
  limits: () => [NEVER_SHOWS],
};

const checkUnlearning = async (run, proof) => {
  const place = await run.logged(proof.unlearning);
  const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
  run.place = place;
  Object.assign(run.facts, {
    unlearning_index: place.index,
    model: entry.model,
    refit: entry.refit,
    origin: place.under.origin,
  });
  if (entry.refit !== null && entry.refit !== entry.model)
    wrong("the fit without the rows gave another model");
  return where(place);
};
const checkReleases = async (run, proof) => {
  const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
  const [old, fresh] = [releaseOf(proof.old), releaseOf(proof.new)];
  const oldPlace = await run.logged(proof.old);
  const newPlace = await run.logged(proof.new);
  named(entry.from, oldPlace, run.place);
  named(entry.to, newPlace, run.place);
  if (fresh.parent === null) wrong("the new release names no parent");
  named(fresh.parent, oldPlace, newPlace);
  if (fresh.model !== entry.model) wrong("the new release is of another model");
  Object.assign(run.facts, { from: old.release, to: fresh.release, exact: fresh.exact });
  return `${old.release} to ${fresh.release}`;
};
const checkChange = async (run, proof) => {
  const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
  const places = [];
  for (const [logged, sealed] of [
    [proof.old, proof.oldSnapshot],
    [proof.new, proof.newSnapshot],
  ]) {
    const release = releaseOf(logged);
    const place = await run.logged(sealed);
    named(release.snapshot, place, await run.logged(logged));
    if (place.leaf !== release.snapshot_leaf)
      wrong("this is not the snapshot that a release names");
    places.push(place);
  }
  const [old, fresh] = [snapshotOf(proof.oldSnapshot), snapshotOf(proof.newSnapshot)];
  if (entry.snapshot !== places[1].index || fresh.parent === null)
    wrong("the unlearning is for another snapshot");
  named(fresh.parent, places[0], places[1]);
  if (lineageOf(old) !== lineageOf(fresh) || fresh.records >= old.records)
    wrong("the new snapshot is not the old one with records taken out");
  Object.assign(run.facts, { records_before: old.records, records_after: fresh.records });
  return (
    `${old.snapshot} (${number(old.records)} records) to` +
    ` ${fresh.snapshot} (${number(fresh.records)})`
  );
};
const UNLEARNING = {
  steps: [checkUnlearning, checkReleases, checkChange],
  statement: (run, proof) => {
    const entry = parseEntry(proof.unlearning.entry, "unlearning/v1");
    const fewer = snapshotOf(proof.oldSnapshot).records - snapshotOf(proof.newSnapshot).records;
    const fit =
      entry.refit !== null
        ? "the platform logged that a fit without them gives the same bytes"
        : "the platform logged no fit to compare with";
    return (
      `release ${run.facts.from} was replaced by ${run.facts.to}, on a snapshot with` +
      ` ${counted(fewer, "record")} fewer; ${fit}`
    );
  },
  limits: () => [
    "that fitting without the rows gives these bytes (refit the release to see)",
    "that the old model is no longer used; whose records were taken out",
  ],
};

const DELTA = {
  steps: [
    async (run, proof) => {
      const before = await run.logged(proof.old);
      const behind = await run.logged(proof.new);
      const [old, fresh] = [snapshotOf(proof.old), snapshotOf(proof.new)];
      run.place = behind;
      if (before.index >= behind.index)
        refuse("the later snapshot stands before the earlier", "verify.order");
      if (lineageOf(old) !== lineageOf(fresh) || fresh.parent === null)
        wrong("the snapshots differ in epoch, k or use: they are not of one lineage");
      Object.assign(run.facts, {
        old: old.snapshot,
        new: fresh.snapshot,
        old_index: before.index,
        new_index: behind.index,
        origin: behind.under.origin,
      });
      return `${old.snapshot} and ${fresh.snapshot}: ${where(behind)}`;
    },
    async (run, proof) => {
      const [old, fresh] = [snapshotOf(proof.old), snapshotOf(proof.new)];
      const shown = await verifyDelta(proof.map, fresh.k, old.root, fresh.root);
      const { removed, added } = shown;
      Object.assign(run.facts, {
        buckets: shown.buckets,
        removed: removed.length,
        added: added.length,
      });
      return (
        `${counted(shown.buckets, "bucket")} of ${number(1n << fresh.k)} changed, from root` +
        ` ${short(old.root)} to ${short(fresh.root)}; the rest is the same`
      );
    },
    async (_, proof) => {
      const [old, fresh] = [snapshotOf(proof.old), snapshotOf(proof.new)];
      const { removed, added } = movedLabels(proof.map);
      const members = old.members - BigInt(removed.length) + BigInt(added.length);
      if (members !== fresh.members)
        wrong("the labels that left and came do not account for the members logged");
      return (
        `${number(old.members)} members, ${number(removed.length)} left,` +
        ` ${number(added.length)} came: ${number(fresh.members)}`
      );
    },
  ],
  statement: ({ facts }) =>
    `from snapshot ${facts.old} to ${facts.new}, ${counted(facts.removed, "member")} left and` +
    ` ${number(facts.added)} came; ${counted(facts.buckets, "bucket")} changed and nothing else` +
    " did",
  limits: () => [
    "who they are; what changed of a member who stayed in a changed bucket",
    NEVER_SHOWS,
  ],
};
