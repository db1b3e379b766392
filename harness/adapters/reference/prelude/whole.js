// The prelude in one piece: everything is there from the start. pieces.js stands in its place where it is not.

/** Sees to it that what is in a piece can be used. */
const need = () => {};
const takePiece = undefined;
