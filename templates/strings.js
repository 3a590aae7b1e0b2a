{% autoescape off %}"use strict";
{
  const catalog = {{ catalog }};
  const plural = (n) => Number({{ plural }});
  globalThis.gettext = (text) => [catalog[text] ?? text].flat()[0];
  globalThis.pgettext = (context, text) => catalog[`${context}\u0004${text}`] ?? text;
  globalThis.ngettext = (one, many, n) => catalog[one]?.[plural(n)] ?? (n === 1 ? one : many);
  globalThis.interpolate = (text, values, named) =>
    text.replace(/%(?:\((\w+)\))?s/g, (_, name) => String(named ? values[name] : values.shift()));
}
{% endautoescape %}
