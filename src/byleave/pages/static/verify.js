/* Byleave: a proof file checked where you are. Nothing is sent anywhere; nothing is asked of a
   server. A classic script without dependencies: a page loads it, and so does `require`.

     byleaveVerify.verify(proof, trust, receipt) -> Promise of byleave/verdict/v1
         (Uint8Array, Uint8Array, Uint8Array or null)

   The same checks in the same order, with the same codes and words, as `byleave verify`
   (docs/spec/verify.md); tests hold the two to one another, verdict for verdict. SHA-256, SHA-512
   and Ed25519 are the browser's own (WebCrypto). What a browser cannot check is never passed:
   the verdict has `unchecked: true` and says so. Public data only passes through the arithmetic
   below: its time depends on its numbers.

   The parts in verify/ stand where PARTS is: they share this one function, and only their text is
   joined. KINDS is written by the server from the package's own tables, so that the two cannot
   differ: fields of every log entry, and the names of every proof's checks. */
"use strict";
(function (root) {
  const KINDS = "@KINDS@";
  const ENTRIES = new Map(Object.entries(KINDS.entries || {}));
  const CHECKS = new Map(Object.entries(KINDS.checks || {}));

  "@PARTS@";

  root.byleaveVerify = {
    verify,
    encode,
    decode,
    ed25519,
    kinds: Object.keys(CLAIMS),
    internals: { checkNote, parseTrust, parseEntry, rootFromInclusion, verifyVrf, labelOf, toHex, fromHex, Bad, Refused, Unable },
    preferOwnArithmetic(value) {
      ownArithmetic = value;
    },
  };
})(globalThis);
if (typeof module !== "undefined") module.exports = globalThis.byleaveVerify;
