#!/usr/bin/env python3
"""Compares how `tidemark` and `heaptrack_print` read heaptrack's recordings.

Every folded stack of every cost type (allocations, temporary ones, bytes leaked, bytes at
the peak) must have the same integer in both, and so must the totals. heaptrack_print leaves
out frames that Tidemark keeps: operator new, and what called main. They are left out here.

usage: compare_heaptrack.py --tidemark PATH RECORDING...
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

COST_TYPES = {'allocations': 'alloc_objects', 'temporary': 'temporary_objects',
              'leaked': 'inuse_space', 'peak': 'peak_space'}
OPERATOR_NEW = {'operator new(unsigned long)', 'operator new[](unsigned long)'}
OUTERMOST = {'main', '__libc_start_main', '__static_initialization_and_destruction_0'}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f'{command[0]} failed: {done.stderr.decode(errors="replace")}')
    return done.stdout.decode(errors='replace')


def heaptrack_stacks(recording, cost_type, directory):
    """Their folded stacks, root first, and what they print."""
    folded = os.path.join(directory, 'folded')
    text = run('heaptrack_print', '-f', recording, '-t', '0', '--disable-builtin-suppressions',
               '--disable-embedded-suppressions', '--flamegraph-cost-type', cost_type,
               '--print-flamegraph', folded)
    stacks = collections.Counter()
    with open(folded, encoding='utf-8', errors='replace') as lines:
        for line in lines:
            stack, _, value = line.rstrip('\n').rpartition(' ')
            stacks[stack] += int(value)
    return +stacks, text


def locations(stack):
    """A row's frames by location, leaf first: each a list that begins with the innermost."""
    result, frames = [], []
    for frame in stack:
        frames.append(frame)
        if not frame['inlined']:
            result.append(frames)
            frames = []
    assert not frames, stack
    return result


def folded_as_heaptrack_does(stack):
    parts = []
    for frames in locations(stack):
        innermost = frames[0]['function']
        if innermost in OPERATOR_NEW:
            continue
        # It writes the innermost call of a location first, though the rest goes from the root on.
        text = ''
        for i, frame in enumerate(frames):
            text += frame['function'] if frame['function'] else f'0x{frame["address"]:x}'
            if frame['file'] or i > 0:
                text += f' ({os.path.basename(frame["file"] or "")})'
            text += ';'
        parts.append(text)
        if innermost in OUTERMOST:
            break
    return ''.join(reversed(parts)) if stack else '??'


def their_totals(text):
    """What heaptrack_print says of the whole, as far as it is exact."""
    return {key: int(re.search(f'^{words}: (\\d+) ', text, re.MULTILINE).group(1))
            for key, words in (('allocations', 'calls to allocation functions'),
                               ('temporary', 'temporary memory allocations'))}


def rounded_as_heaptrack_does(size):
    for unit in ('B', 'K', 'M', 'G', 'T'):
        if abs(size) <= 1000 or unit == 'T':
            return f'{size}B' if unit == 'B' else f'{size:.2f}{unit}'
        size /= 1000


def compare(tidemark, recording, directory):
    document_path = os.path.join(directory, 'ours.json')
    run(tidemark, 'convert', '--symbolize', 'none', recording, '-o', document_path)
    with open(document_path, encoding='utf-8') as file:
        document = json.load(file)
    names = [t['type'] for t in document['sample_types']]
    failures, totals, compared = [], {}, 0
    for cost_type, sample_type in COST_TYPES.items():
        theirs, text = heaptrack_stacks(recording, cost_type, directory)
        column = names.index(sample_type)
        ours = collections.Counter()
        for row in document['rows']:
            ours[folded_as_heaptrack_does(row['stack'])] += row['values'][column]
        ours = +ours
        totals[cost_type] = sum(ours.values())
        compared += len(theirs)
        for stack in sorted(set(ours) | set(theirs)):
            if ours[stack] != theirs[stack]:
                failures.append(f'{cost_type}: ours {ours[stack]}, theirs {theirs[stack]}: {stack}')
    for key, value in their_totals(text).items():
        if totals[key] != value:
            failures.append(f'{key}: ours {totals[key]}, theirs {value}')
    for key, words in (('leaked', 'total memory leaked'), ('peak', 'peak heap memory consumption')):
        line = f'{words}: {rounded_as_heaptrack_does(totals[key])}'
        if line not in text.splitlines():
            failures.append(f'heaptrack_print does not say: {line}')
    if compared < 50:
        failures.append(f'only {compared} stacks were compared')
    for failure in failures[:20]:
        print(f'{recording}: {failure}')
    print(f'{recording}: {compared} stacks, {len(failures)} differ')
    return not failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--tidemark', required=True)
    parser.add_argument('recordings', nargs='+')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        results = [compare(arguments.tidemark, recording, directory)
                   for recording in arguments.recordings]
    sys.exit(0 if all(results) else 1)


if __name__ == '__main__':
    main()
