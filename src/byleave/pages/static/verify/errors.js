/* What is refused, and how it is said. */

// --- errors ----------------------------------------------------------------------------------

/** Evidence is not what it has to be: a check fails with this code. */
class Refused extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}
/** This browser cannot tell: a check is not made. */
class Unable extends Refused {}
/** A value is not in its one spelling; whoever reads the document names it. */
class Bad extends Error {}

const refuse = (message, code) => {
  throw new Refused(message, code);
};
const bad = () => {
  throw new Bad();
};
const malformedMap = (what) => refuse(what, "map.malformed");
const wrong = (what) => refuse(what, "verify.wrong-entry");
const after = () => refuse("an entry names one that stands after it", "verify.order");

/** Run a reader; what is not in its spelling is refused under one code. */
const reading = (read, message, code) => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Bad) refuse(message, code);
    throw error;
  }
};
