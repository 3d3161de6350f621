"""Reads a pprof file with nothing but Python, independent of Tidemark's own reader."""

import gzip


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data):
    """(field number, value) of one message: an int, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) != size:
                raise ValueError("cut")
        else:
            raise ValueError(f"wire type {kind}")
        yield tag >> 3, value


def _signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def _numbers(value):
    if isinstance(value, int):
        return [value]
    numbers, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        numbers.append(number)
    return numbers


class Profile:
    """samples: [(location ids leaf first, values, labels)]; locations: id -> (mapping,
    address, [function names, innermost first]); comments: the tidemark.KEY=VALUE ones."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            data = f.read()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        strings, functions = [], {}
        samples, locations, mappings, types, comments = [], [], [], [], []
        for field, value in _fields(data):
            if field == 6:
                strings.append(value.decode("utf-8", "replace"))
            else:
                {1: types, 2: samples, 3: mappings, 4: locations, 13: comments}.get(
                    field, []).append(value)
                if field == 5:
                    function = dict(_fields(value))
                    functions[function[1]] = function.get(2, 0)
        self.types = [strings[dict(_fields(t)).get(1, 0)] for t in types]
        self.mappings = {}
        for raw in mappings:
            m = dict(_fields(raw))
            self.mappings[m[1]] = {
                "start": m.get(2, 0), "limit": m.get(3, 0), "offset": m.get(4, 0),
                "file": strings[m.get(5, 0)], "build_id": strings[m.get(6, 0)]}
        self.locations = {}
        for raw in locations:
            ident = mapping = address = 0
            names = []
            for field, value in _fields(raw):
                if field == 1:
                    ident = value
                elif field == 2:
                    mapping = value
                elif field == 3:
                    address = value
                elif field == 4:
                    names.append(strings[functions.get(dict(_fields(value)).get(1), 0)])
            self.locations[ident] = (mapping, address, names)
        self.samples = []
        for raw in samples:
            stack, values, labels = [], [], {}
            for field, value in _fields(raw):
                if field == 1:
                    stack += _numbers(value)
                elif field == 2:
                    values += [_signed(v) for v in _numbers(value)]
                elif field == 3:
                    label = dict(_fields(value))
                    labels[strings[label[1]]] = (strings[label[2]] if 2 in label
                                                 else _signed(label.get(3, 0)))
            self.samples.append((stack, values, labels))
        self.comments = {}
        for index in [n for c in comments for n in _numbers(c)]:
            key, _, value = strings[index].partition("=")
            if key.startswith("tidemark."):
                self.comments[key[len("tidemark."):]] = value

    def total(self, sample_type):
        column = self.types.index(sample_type)
        return sum(values[column] for _, values, _ in self.samples)

    def raw_samples(self):
        return int(self.comments["samples"])

    def losses(self):
        return {k[len("loss."):]: int(v) for k, v in self.comments.items() if k.startswith("loss.")}
