"use strict";

/** Make an element; children are elements or text, so nothing is ever read as markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Turn ``literals`` of a docstring into code, the rest into text. */
function prose(text) {
  return text
    .split("``")
    .map((part, index) => (index % 2 ? make("code", {}, part.replace(/\s+/g, " ")) : part));
}

function resolve(document, schema) {
  const name = schema.$ref?.split("/").pop();
  return name ? document.components.schemas[name] : schema;
}

/** Say in a few words what a schema admits. */
function describe(document, schema) {
  if (schema.anyOf) return schema.anyOf.map((each) => describe(document, each)).join(" or ");
  const found = resolve(document, schema);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(", ");
  if (found.type === "array") {
    return `list of ${found.items ? describe(document, found.items) : "anything"}`;
  }
  if (found.type === "object" && found.properties) {
    const members = Object.entries(found.properties);
    return `{${members.map(([key, value]) => `${key}: ${describe(document, value)}`).join(", ")}}`;
  }
  const bounds = [
    found.minimum === undefined ? "" : `≥ ${found.minimum}`,
    found.maximum === undefined ? "" : `≤ ${found.maximum}`,
  ].filter(Boolean);
  const kind = found.format ?? found.type ?? "anything";
  return bounds.length ? `${kind} (${bounds.join(", ")})` : kind;
}

function parameterTable(document, record) {
  const rows = Object.entries(record.properties ?? {}).map(([name, schema]) => {
    const isRequired = (record.required ?? []).includes(name);
    const found = schema.default === undefined ? "" : JSON.stringify(schema.default);
    return make(
      "tr",
      {},
      make("td", {}, make("code", {}, name)),
      make("td", {}, describe(document, schema)),
      make("td", { class: "quiet" }, isRequired ? "required" : found === "null" ? "" : found),
    );
  });
  if (!rows.length) return "";
  const head = ["Argument", "Type", "Default"].map((title) => make("th", {}, title));
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows),
  );
}

function article(document, method, place) {
  const record = resolve(document, method.params);
  const [summary, ...more] = method.description.split(/\n\s*\n/);
  const params = Object.fromEntries((record.required ?? []).map((name) => [name, "…"]));
  const request = { jsonrpc: "2.0", id: 1, method: method.method, params };
  const element = make(
    "article",
    { id: method.method },
    make(
      "h3",
      {},
      make("span", { class: `verb ${place.verb}` }, place.verb),
      make("span", { class: "path" }, place.path ?? method.method),
      make("span", { class: "role", title: "the role that a caller needs" }, method.role),
    ),
    make("p", {}, ...prose(summary)),
    ...more.map((text) => make("p", {}, ...prose(text))),
    parameterTable(document, record),
    make(
      "details",
      {},
      make("summary", {}, "JSON-RPC"),
      make("pre", {}, JSON.stringify(request, null, 2)),
    ),
  );
  element.dataset.text = `${method.method} ${place.path ?? ""} ${method.description}`.toLowerCase();
  return element;
}

function show(openapi) {
  document.title = `${openapi.info.title} API`;
  document.getElementById("title").textContent = openapi.info.title;
  document.getElementById("version").textContent = openapi.info.version;
  document.getElementById("description").textContent = openapi.info.description;
  const places = {};
  for (const [path, operations] of Object.entries(openapi.paths)) {
    for (const [verb, operation] of Object.entries(operations)) {
      places[operation.operationId] = { verb: verb.toUpperCase(), path, tag: operation.tags[0] };
    }
  }
  const contents = document.getElementById("contents");
  const main = document.getElementById("methods");
  main.replaceChildren();
  const tags = [...openapi.tags, { name: "", description: "JSON-RPC only" }];
  for (const tag of tags) {
    const methods = openapi["x-json-rpc"].filter(
      (method) => (places[method.method]?.tag ?? "") === tag.name,
    );
    const heading = make("h2", {}, tag.description);
    main.append(heading);
    contents.append(make("h2", {}, tag.description));
    for (const method of methods) {
      main.append(article(openapi, method, places[method.method] ?? { verb: "RPC" }));
      contents.append(make("a", { href: `#${method.method}` }, method.method));
    }
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const each of main.querySelectorAll("article")) {
      each.hidden = !each.dataset.text.includes(wanted);
    }
    for (const heading of main.querySelectorAll("h2")) {
      let next = heading.nextElementSibling;
      while (next?.tagName === "ARTICLE" && next.hidden) next = next.nextElementSibling;
      heading.hidden = next?.tagName !== "ARTICLE";
    }
  });
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
  .then(show)
  .catch((error) => {
    document.getElementById("methods").textContent = `The description can't be read: ${error.message}`;
  });
