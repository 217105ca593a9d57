// A page shows what the libraries here add: of what a class inherits only their own members, and of its ancestors no helper of TorchSharp's.
// Formulas between $$ are for MathJax, as on the other pages: docfx leaves them alone inside XML elements. A formula that the remarks
// begin with is what the type is, and follows the summary.
exports.preTransform = function (model) {
  if (model.inheritedMembers) {
    model.inheritedMembers = model.inheritedMembers.filter(function (member) { return member.uid.indexOf('Contrastive.') === 0; });
  }
  if (model.inheritance) {
    model.inheritance = model.inheritance.filter(function (type) { return !/^(System\.Object$|TorchSharp\.torch\.nn\.HookableModule)/.test(type.uid); });
  }
  var first = /^\s*<p>\s*\$\$[\s\S]*?<\/p>/.exec(model.remarks || '');
  if (first) {
    model.summary += first[0];
    model.remarks = model.remarks.slice(first[0].length);
  }
  [model].concat(model.children || []).forEach(function (item) {
    ['summary', 'remarks'].forEach(function (part) {
      if (item[part]) item[part] = item[part].replace(/\$\$([\s\S]*?)\$\$/g, '<span class="math">\\[$1\\]</span>');
    });
  });
  return model;
};

exports.postTransform = function (model) {
  return model;
};
