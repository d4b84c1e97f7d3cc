"""Text tokens into dates, times of the day and timestamps (RFC 3339), and numbers into timestamps."""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import (
    ACCEPTED,
    ESCAPED_TEXT,
    INTEGER,
    NO_EPOCH,
    NO_OFFSET,
    NULL,
    NUMBER,
    OFFSET_OR_LOCAL,
    OUT_OF_RANGE,
    PRECISION_LOSS,
    TEXT,
    TYPE_MISMATCH,
    UNPARSABLE,
    VALID_LOCAL,
)
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.decimals import read_decimal, scale_up
from transforms.decode.kernel.source.memory import bytes_at, ints_at, load_byte, longs_at

DAY = 86_400  # seconds
FIRST_SECOND, PAST_SECOND = -62_135_596_800, 253_402_300_800  # of the years 0001 to 9999
MOST_DIGITS = 18  # of those seconds in microseconds


@compiled
def two_digits(at):
    """The value of two digits; negative where they are not."""
    tens, ones = load_byte(at) - 0x30, load_byte(at + 1) - 0x30
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else -10_000


@compiled
def days_in_month(year, month):
    """The length of a month in the proleptic Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@compiled
def days_since_epoch(year, month, day):
    """Days from 1970-01-01 (Hinnant, chrono-compatible low-level date algorithms, days_from_civil)."""
    if month <= 2:
        year -= 1
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


@compiled
def read_date(at):
    """(days since 1970-01-01, verdict) of ten bytes `YYYY-MM-DD`, the years 0001 to 9999."""
    year = two_digits(at) * 100 + two_digits(at + 2)
    month, day = two_digits(at + 5), two_digits(at + 8)
    if year < 0 or load_byte(at + 4) != 0x2D or load_byte(at + 7) != 0x2D:
        return 0, UNPARSABLE
    if month < 1 or month > 12 or day < 1 or day > days_in_month(year, month):
        return 0, UNPARSABLE
    return days_since_epoch(year, month, day), ACCEPTED if year > 0 else OUT_OF_RANGE


@compiled
def read_clock(at):
    """Seconds since midnight of eight bytes `HH:MM:SS`; -1 where they are not (a leap second is not)."""
    hour, minute, second = two_digits(at), two_digits(at + 3), two_digits(at + 6)
    if load_byte(at + 2) != 0x3A or load_byte(at + 5) != 0x3A:
        return -1
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1
    return hour * 3600 + minute * 60 + second


@compiled
def read_offset(at, end):
    """(seconds east of UTC, verdict) of `Z` or `+HH:MM`, which must be all that is left."""
    if end - at == 1 and load_byte(at) | 0x20 == 0x7A:
        return 0, ACCEPTED
    sign = load_byte(at)
    hour, minute = two_digits(at + 1), two_digits(at + 4)
    well_formed = end - at == 6 and (sign == 0x2B or sign == 0x2D) and load_byte(at + 3) == 0x3A
    if not well_formed or hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return 0, UNPARSABLE
    seconds = hour * 3600 + minute * 60
    return -seconds if sign == 0x2D else seconds, ACCEPTED


@compiled
def read_fraction(at, end, digits):
    """(address behind it, units of 10^-digits seconds, verdict) of `.` and digits, where there is a point."""
    if at >= end or load_byte(at) != 0x2E:
        return at, 0, ACCEPTED
    at += 1
    fraction, seen, verdict = 0, 0, ACCEPTED
    while at < end and 0x30 <= load_byte(at) <= 0x39:
        digit = load_byte(at) - 0x30
        if seen < digits:
            fraction = fraction * 10 + digit
        elif digit != 0:
            verdict = PRECISION_LOSS
        seen += 1
        at += 1
    for _ in range(seen, digits):
        fraction *= 10
    return at, fraction, verdict if seen > 0 else UNPARSABLE


@compiled
def read_time(at, end, digits):
    """(units of 10^-digits seconds since midnight, verdict) of `HH:MM:SS` with or without a fraction."""
    if end - at < 8:
        return 0, UNPARSABLE
    seconds = read_clock(at)
    at, fraction, verdict = read_fraction(at + 8, end, digits)
    if seconds < 0 or at != end:
        return 0, UNPARSABLE
    return seconds * 10**digits + fraction, verdict


@compiled
def read_timestamp(at, end, digits, offset):
    """(units of 10^-digits seconds since 1970-01-01, verdict, whether they were read off a local clock)."""
    if end - at < 19 or load_byte(at + 10) | 0x20 not in (0x74, 0x20):
        return 0, UNPARSABLE, False
    days, verdict = read_date(at)
    seconds = read_clock(at + 11)
    if seconds < 0 or verdict == UNPARSABLE:
        return 0, UNPARSABLE, False
    at, fraction, fraction_verdict = read_fraction(at + 19, end, digits)
    local = offset == NO_OFFSET or (offset == OFFSET_OR_LOCAL and at == end)
    if fraction_verdict == UNPARSABLE or (local and at != end):
        return 0, UNPARSABLE, local
    if not local:
        east, offset_verdict = read_offset(at, end)
        if offset_verdict != ACCEPTED:
            return 0, offset_verdict, local
        seconds -= east
    since = days * DAY + seconds
    if verdict == ACCEPTED and not FIRST_SECOND <= since < PAST_SECOND:
        verdict = OUT_OF_RANGE
    if fraction_verdict != ACCEPTED:
        verdict = fraction_verdict
    return since * 10**digits + fraction, verdict, local


@compiled
def read_epoch(at, end, digits, epoch):
    """(units of 10^-digits seconds, verdict) of a number that counts units of 10^-epoch seconds."""
    negative, upper, lower, exponent, significant = read_decimal(at, end)
    exponent += digits - epoch
    if significant == 0:
        return 0, ACCEPTED
    if significant + exponent > MOST_DIGITS:
        return 0, OUT_OF_RANGE
    if exponent < 0:
        return 0, PRECISION_LOSS
    _, lower = scale_up(upper, lower, exponent)
    units = -np.int64(lower) if negative else np.int64(lower)
    in_range = FIRST_SECOND * 10**digits <= units < PAST_SECOND * 10**digits
    return units, ACCEPTED if in_range else OUT_OF_RANGE


@entry
def fill_dates(block, count, tags, starts, ends, values, valid, verdicts):
    """Days since 1970-01-01; see `transforms.decode.kernel.source.numbers` for what a fill does."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    values = ints_at(values, count)
    refused = 0
    for slot in range(count):
        if tags[slot] <= NULL:
            continue
        verdict = UNPARSABLE if tags[slot] == ESCAPED_TEXT else TYPE_MISMATCH
        if tags[slot] == TEXT:
            verdict = UNPARSABLE
            if ends[slot] - starts[slot] == 12:
                values[slot], verdict = read_date(block + starts[slot] + 1)
        if verdict == ACCEPTED:
            valid[slot] = 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused


@entry
def fill_times(block, count, tags, starts, ends, values, valid, verdicts):
    """Microseconds since midnight."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    values = longs_at(values, count)
    refused = 0
    for slot in range(count):
        if tags[slot] <= NULL:
            continue
        verdict = UNPARSABLE if tags[slot] == ESCAPED_TEXT else TYPE_MISMATCH
        if tags[slot] == TEXT:
            values[slot], verdict = read_time(block + starts[slot] + 1, block + ends[slot] - 1, 6)
        if verdict == ACCEPTED:
            valid[slot] = 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused


@entry
def fill_timestamps(block, count, tags, starts, ends, digits, offset, epoch, values, valid, verdicts):
    """Units of 10^-digits seconds since 1970-01-01T00:00:00, in UTC unless `offset` is NO_OFFSET.

    `valid` becomes VALID_LOCAL where an offset may be there and is not. Numbers count units of 10^-epoch
    seconds, unless that is NO_EPOCH.
    """
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    values = longs_at(values, count)
    refused = 0
    for slot in range(count):
        if tags[slot] <= NULL:
            continue
        verdict, local = UNPARSABLE if tags[slot] == ESCAPED_TEXT else TYPE_MISMATCH, False
        if tags[slot] == TEXT:
            values[slot], verdict, local = read_timestamp(
                block + starts[slot] + 1, block + ends[slot] - 1, digits, offset
            )
        elif epoch != NO_EPOCH and (tags[slot] == INTEGER or tags[slot] == NUMBER):
            values[slot], verdict = read_epoch(block + starts[slot], block + ends[slot], digits, epoch)
        if verdict == ACCEPTED:
            valid[slot] = VALID_LOCAL if local and offset == OFFSET_OR_LOCAL else 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused
