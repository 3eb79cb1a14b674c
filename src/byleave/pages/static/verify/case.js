/* Checks of the statement of a case. */

const PRINTED = (value) => {
  const isPrintable =
    typeof value === "string" &&
    value !== "" &&
    [...value].length <= 4096 &&
    !/[\p{C}\p{Z}]/u.test(value.replaceAll(" ", ""));
  return isPrintable ? value : bad();
};
const span = ([low, high]) => (low === high ? number(low) : `${number(low)} to ${number(high)}`);
const few = (value) => (isObject(value) && Object.keys(value).length <= 10000 ? value : bad());
const total = (values) => values.reduce((sum, value) => sum + value, 0n);
const readCaseCounts = (value) => {
  const item = exactly(value, ["cohort", "members", "messages", "pairs", "by_reason"]);
  PRINTED(item.cohort);
  for (const ends of [item.members, item.messages]) {
    const found = every(ends, COUNT, 2);
    if (found.length !== 2 || found[0] > found[1]) bad();
  }
  if (total(Object.values(few(item.by_reason)).map(COUNT)) !== COUNT(item.pairs)) bad();
};
const readCaseStatement = (value) =>
  reading(
    () => {
      const names =
        "format origin program salt case as_of stated inputs pack rulesets results counts";
      const found = exactly(value, names.split(" "));
      if (found.format !== "byleave-case-statement/v1") bad();
      TEXT(found.origin);
      TEXT(found.program);
      HEX32(found.salt);
      HEX32(found.case);
      if (found.rulesets !== null) HEX32(found.rulesets);
      INSTANT(found.as_of);
      INSTANT(found.stated);
      for (const value of array(found.inputs, 10000)) {
        const item = exactly(value, ["name", "file", "sha256", "bytes", "rows"]);
        TEXT(item.name);
        PRINTED(item.file);
        HEX32(item.sha256);
        COUNT(item.bytes);
        COUNT(item.rows);
      }
      const pack = exactly(found.pack, ["name", "dated", "sha256"]);
      TEXT(pack.name);
      INSTANT(pack.dated);
      HEX32(pack.sha256);
      Object.values(few(found.results)).forEach(HEX32);
      array(found.counts, 10000).forEach(readCaseCounts);
      return found;
    },
    "not a byleave-case-statement/v1 with possible numbers",
    "case.statement",
  );
const CASE = {
  steps: [
    async (run, proof) => {
      const place = await run.logged(proof.case);
      const entry = parseEntry(proof.case.entry, "case/v1");
      run.place = place;
      Object.assign(run.facts, {
        case_index: place.index,
        case: entry.case,
        as_of: entry.as_of,
        stated: entry.stated,
        origin: place.under.origin,
      });
      return where(place);
    },
    async (run, proof) => {
      const entry = parseEntry(proof.case.entry, "case/v1");
      const found = readCaseStatement(proof.statement);
      const matches =
        (await digestOf(found)) === entry.statement &&
        found.case === entry.case &&
        found.as_of === entry.as_of &&
        found.stated === entry.stated &&
        found.origin === run.facts.origin;
      if (!matches)
        refuse("the statement is not the one that the log entry is of", "case.statement");
      const { program, inputs, pack, results, counts } = found;
      Object.assign(run.facts, { program, inputs, pack, results, counts });
      const rows = total(inputs.map((item) => BigInt(item.rows)));
      return `${counted(inputs.length, "input")}, ${counted(rows, "row")}; pack ${pack.name}`;
    },
    async (_, { statement }) => {
      const names = statement.inputs.map((item) => item.name);
      if (!names.includes("messages") || new Set(names).size !== names.length)
        refuse("the statement names no messages, or one input twice", "case.statement");
      const results = Object.keys(statement.results).sort();
      if (!results.length) refuse("the statement names no result", "case.statement");
      return `${names.join(", ")} → ${results.join(", ")}`;
    },
  ],
  statement: ({ facts }, { statement }) => {
    const cohorts = statement.counts.map(
      (item) =>
        `${item.cohort}: ${span(item.members)} members by ${span(item.messages)} messages`,
    );
    return (
      `${facts.origin} logged on ${facts.stated} its answer to the case ${short(facts.case)}, as` +
      ` of ${facts.as_of}, over tables of these digests: ${cohorts.join("; ")}`
    );
  },
  limits: () => [
    "that the tables are complete or true; alleged, not found, and not legal advice",
    "that these tables give these results (`byleave case verify` runs the case again)",
  ],
};
