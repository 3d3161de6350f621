"""What python3 runs for run.py: makes records, writes and reads them as JSON, sorts and groups
them. usage: json_sort.py RECORDS"""

import json
import random
import sys

random.seed(1)
records = [{"id": i, "name": f"record {random.randrange(1 << 30)}", "score": random.random(),
            "tags": [f"tag {random.randrange(100)}" for _ in range(4)],
            "place": {"x": i / 3, "y": str(i)}}
           for i in range(int(sys.argv[1]))]
again = json.loads(json.dumps(records))
again.sort(key=lambda r: (r["tags"], r["name"]))
groups = {}
for record in again:
    for tag in record["tags"]:
        groups.setdefault(tag, []).append(record["name"].upper())
print(len(groups), sum(len(json.dumps(g)) for g in groups.values()))
