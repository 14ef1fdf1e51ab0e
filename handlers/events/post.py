"""One POST that ends in time, whatever answers: a receiver that hangs, drips, redirects or never stops sending costs seconds."""

from __future__ import annotations

import threading

from handlers.events.messages import Message

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 3.0, 5.0, 10.0


class NotTaken(Exception):
    """The receiver has not taken the message; the text says why, without its address."""


class Slow(NotTaken):
    """The receiver has not answered in time: the next message would wait for as long."""


def post(url: str, message: Message, whole: float = WHOLE_SECONDS) -> None:
    """Send the message; raises NotTaken unless the answer is one of success, within `whole` seconds."""
    ended: list[Exception | None] = []
    # each read has its own limit, but a receiver that sends a byte now and then keeps each of them
    thread = threading.Thread(target=lambda: ended.append(_sent(url, message, whole)), name="post", daemon=True)
    thread.start()
    thread.join(whole)
    if not ended:
        raise Slow(f"it has not answered within {whole:g} s")
    if ended[0] is not None:
        raise ended[0]


def _sent(url: str, message: Message, whole: float) -> Exception | None:
    import urllib3

    limits = urllib3.Timeout(connect=min(CONNECT_SECONDS, whole), read=min(READ_SECONDS, whole))
    try:
        with urllib3.PoolManager(timeout=limits, retries=False) as pool:
            # the body of the answer is not read: nothing of it is needed, and it may be without end
            answer = pool.request("POST", url, body=message.body, headers=message.headers, redirect=False, preload_content=False)
            answer.close()
    except urllib3.exceptions.NewConnectionError as error:  # is a timeout to urllib3, though it takes no time
        return NotTaken(f"it cannot be reached ({type(error).__name__})")
    except urllib3.exceptions.TimeoutError:
        return Slow("it does not answer in time")
    except urllib3.exceptions.SSLError as error:
        return NotTaken(f"its certificate or its TLS is refused ({type(error).__name__})")
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return NotTaken(f"it cannot be reached ({type(error).__name__})")
    if 300 <= answer.status < 400:
        return NotTaken(f"it answered {answer.status}: redirects are not followed")
    return None if 200 <= answer.status < 300 else NotTaken(f"it answered {answer.status}")
