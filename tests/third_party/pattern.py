"""The bytes that a request gets: different for each number, so that an answer given to the wrong client is noticed."""

import random


def body(number, length):
    return random.Random(number).randbytes(length)


def path(number, length, delay_ms):
    return f"/{number}/{length}/{delay_ms}"
