// conceptual.extension.js reads the reference's table of contents.
exports.getOptions = function () {
  return { isShared: true };
};
