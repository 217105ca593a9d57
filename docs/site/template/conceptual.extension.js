// The pages name types in backquotes, or link them to their source, which reads well where they lie. On the site both lead into the reference.
exports.preTransform = function (model) {
  return model;
};

exports.postTransform = function (model) {
  if (!model.conceptual) return model;
  var types = typesOf(model.__global._shared);
  model.conceptual = model.conceptual.replace(
    /<pre[ >][\s\S]*?<\/pre>|<a href="([^"]*)"[^>]*>(.*?)<\/a>|<code[^>]*>[A-Za-z]+(?:&lt;[\w, ]*&gt;)?<\/code>/g,
    function (all, target, text) {
      var code = target ? (/\/src\/.*\.cs$/.test(target) ? text : null) : all;
      var name = /^<code[^>]*>([A-Za-z]+)(?:&lt;.*&gt;)?<\/code>$/.exec(code || '');
      return name && types[name[1]] ? '<a href="' + model._rel + types[name[1]] + '">' + code + '</a>' : all;
    });
  return model;
};

// From the name of a type to its page.
function typesOf(tablesOfContents) {
  var types = Object.create(null);
  Object.keys(tablesOfContents).forEach(function (key) {
    (tablesOfContents[key].items || []).forEach(function (space) {
      (space.items || []).forEach(function (type) {
        if (type.topicUid) types[type.name.split('<')[0]] = 'api/' + type.href;
      });
    });
  });
  return types;
}
