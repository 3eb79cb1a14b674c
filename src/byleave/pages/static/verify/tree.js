/* The log's tree (RFC 6962). */

// --- the tree (RFC 6962) ---------------------------------------------------------------------

const bitLength = (value) => (value === 0n ? 0 : value.toString(2).length);
const ones = (value) => value.toString(2).replaceAll("0", "").length;

const rootFromInclusion = async (leaf, index, size, path) => {
  if (index >= size)
    refuse(`index ${index} is not in a tree of ${size} leaves`, "merkle.index-out-of-range");
  const inner = bitLength(index ^ (size - 1n));
  const needed = inner + ones(index >> BigInt(inner));
  if (path.length !== needed)
    refuse(
      `${path.length} hashes where leaf ${index} of ${size} needs ${needed}`,
      "merkle.path-length",
    );
  let result = leaf;
  for (let level = 0; level < path.length; level++) {
    const right = level >= inner || (index >> BigInt(level)) & 1n;
    result = right ? await nodeHash(path[level], result) : await nodeHash(result, path[level]);
  }
  return result;
};
const treeRoot = async (leaves) => {
  let level = leaves;
  const peaks = [];
  while (level.length > 1) {
    if (level.length % 2) peaks.push(level[level.length - 1]);
    const above = [];
    for (let at = 0; at + 1 < level.length; at += 2)
      above.push(nodeHash(level[at], level[at + 1]));
    level = await Promise.all(above);
  }
  let result = level[0];
  peaks.reverse();
  // fold from the smallest, which stands last
  const all = [result, ...peaks];
  result = all.pop();
  while (all.length) result = await nodeHash(all.pop(), result);
  return result;
};
