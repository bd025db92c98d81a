// Where the reader is: the part of the address behind #. It can be kept and sent to others.

export type View = "run" | "results" | "result" | "sides" | "compare";

export interface Place {
  view: View;
  id?: string; // of a result
  baseline?: string;
  current?: string;
}

/** placeOf reads an address. One that says nothing known leads to the start. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, id] = path.split("/", 2);
  switch (view) {
    case "results":
      return { view };
    case "result":
      return id ? { view, id } : { view: "results" };
    case "sides":
      return id ? { view, id } : { view };
    case "compare": {
      const place: Place = { view };
      const parameters = new URLSearchParams(query);
      const baseline = parameters.get("baseline");
      const current = parameters.get("current");
      if (baseline) place.baseline = baseline;
      if (current) place.current = current;
      return place;
    }
    default:
      return { view: "run" };
  }
}

/** hashOf writes an address. */
export function hashOf(place: Place): string {
  const path = place.id ? `#/${place.view}/${encodeURIComponent(place.id)}` : `#/${place.view}`;
  const parameters = new URLSearchParams();
  if (place.baseline) parameters.set("baseline", place.baseline);
  if (place.current) parameters.set("current", place.current);
  const query = parameters.toString();
  return query === "" ? path : `${path}?${query}`;
}
