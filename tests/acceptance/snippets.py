"""Programs that really fail while they use the README's snippets."""

from __future__ import annotations

from typing import NamedTuple


class Program(NamedTuple):
    """A program, how it ends, and what Avalon must have heard."""

    name: str
    source: str
    exit_code: int
    type: str
    message: str
    level: str
    in_stack: tuple[str, ...] = ()


PYTHON = [
    Program(
        "chained",
        """
        import avalon_report
        def load():
            try:
                {}["host"]
            except KeyError as error:
                raise ValueError("the configuration has no host") from error
        load()
        """,
        1,
        "ValueError",
        "the configuration has no host",
        "fatal",
        ("KeyError: 'host'", "direct cause of the following exception", "in load"),
    ),
    Program(
        "custom_class",
        """
        import avalon_report
        class PaymentDeclined(Exception):
            def __str__(self):
                return f"the bank said no to {self.args[0]}"
        raise PaymentDeclined("order seventeen")
        """,
        1,
        "PaymentDeclined",
        "the bank said no to order seventeen",
        "fatal",
    ),
    Program(
        "unicode",
        """
        import avalon_report
        raise RuntimeError("Größe 📦 passt nicht: نص \\u202ereversed\\u202c, half \\ud83d and \\0 nul")
        """,
        1,
        "RuntimeError",
        "Größe 📦 passt nicht: نص \u202ereversed\u202c, half \ufffd and \ufffd nul",
        "fatal",
    ),
    Program(
        "deep",
        """
        import avalon_report
        def even(n):
            odd(n - 1)
        def odd(n):
            if n < 0:
                raise OverflowError("two hundred frames down")
            even(n - 1)
        even(200)
        """,
        1,
        "OverflowError",
        "two hundred frames down",
        "fatal",
        ("in even\n    odd(n - 1)\n", "in odd\n    even(n - 1)\n"),
    ),
    Program(
        "group",
        """
        import avalon_report
        raise ExceptionGroup("both mirrors failed", [OSError("mirror a"), TimeoutError("mirror b")])
        """,
        1,
        "ExceptionGroup",
        "both mirrors failed (2 sub-exceptions)",
        "fatal",
        ("OSError: mirror a", "TimeoutError: mirror b"),
    ),
    Program(
        "caught",
        """
        from avalon_report import report_error
        try:
            1 / 0
        except ZeroDivisionError as error:
            report_error(error, level="critical", order=17, ratio=float("nan"), where=object)
        """,
        0,
        "ZeroDivisionError",
        "division by zero",
        "critical",
    ),
    Program(
        "thread",
        """
        import threading, avalon_report
        def work():
            raise LookupError("nobody in the worker")
        worker = threading.Thread(target=work, name="worker-7")
        worker.start(); worker.join()
        """,
        0,
        "LookupError",
        "nobody in the worker",
        "error",
    ),
    Program(
        "circular_cause",
        """
        import avalon_report
        first, second = TypeError("the snake"), TypeError("its tail")
        first.__cause__, second.__cause__ = second, first
        raise first
        """,
        1,
        "TypeError",
        "the snake",
        "fatal",
        ("its tail",),
    ),
]

JAVASCRIPT = [
    Program(
        "uncaught",
        """
        import './avalon.mjs';
        const cart = undefined;
        cart.total();
        """,
        1,
        "TypeError",
        "Cannot read properties of undefined (reading 'total')",
        "fatal",
        ("uncaught.mjs:",),
    ),
    Program(
        "rejection",
        """
        import './avalon.mjs';
        const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
        async function charge() { await pause(); throw new RangeError('the charge is out of range'); }
        void charge();
        """,
        1,
        "RangeError",
        "the charge is out of range",
        "fatal",
        ("charge",),
    ),
    Program(
        "custom_class",
        """
        import './avalon.mjs';
        class PaymentDeclined extends Error { name = 'PaymentDeclined'; }
        throw new PaymentDeclined('the bank said no', { cause: new Error('socket hang up') });
        """,
        1,
        "PaymentDeclined",
        "the bank said no",
        "fatal",
        ("Caused by: Error: socket hang up",),
    ),
    Program(
        "circular_cause",
        """
        import './avalon.mjs';
        const first = new Error('the snake'), second = new Error('its tail');
        first.cause = second; second.cause = first;
        throw first;
        """,
        1,
        "Error",
        "the snake",
        "fatal",
        ("Caused by: Error: its tail",),
    ),
    Program(
        "unicode",
        """
        import './avalon.mjs';
        throw new Error('Größe 📦 passt nicht: نص \\u202ereversed\\u202c, half \\ud83d and \\0 nul');
        """,
        1,
        "Error",
        "Größe 📦 passt nicht: نص \u202ereversed\u202c, half \ufffd and \ufffd nul",
        "fatal",
    ),
    Program(
        "deep",
        """
        import './avalon.mjs';
        Error.stackTraceLimit = 300;
        const dive = (n) => { if (n === 0) throw new Error('two hundred frames down'); dive(n - 1); };
        dive(200);
        """,
        1,
        "Error",
        "two hundred frames down",
        "fatal",
        ("    at dive (",),
    ),
    Program(
        "caught",
        """
        import { reportError } from './avalon.mjs';
        try {
          JSON.parse('{"half":');
        } catch (error) {
          await reportError(error, 'critical', { order: 17, big: String(2n ** 64n) });
        }
        """,
        0,
        "SyntaxError",
        "Unexpected end of JSON input",
        "critical",
        ("JSON.parse",),
    ),
    Program(
        "not_an_error",
        """
        import { reportError } from './avalon.mjs';
        await reportError('just a text');
        """,
        0,
        "",
        "just a text",
        "error",
    ),
]
