"""The PF's answers: cleared VFs are served, others refused, and nothing a VF sends harms another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.mailbox import ACK, CTS, NACK, Message


@pytest.fixture
def mailbox(machine):
    return machine(num_vfs=2).start().pf.mailbox


def ask(mailbox, vf, *words):
    return mailbox.judge(vf, [*words, *[0] * (16 - len(words))])


def test_message_before_reset_is_refused_without_clear_to_send(mailbox):
    mailbox.forget(0)
    assert ask(mailbox, 0, Message.SET_LPE, 1518) == [Message.SET_LPE | NACK]


def test_reset_answers_with_the_address_and_no_clear_to_send(mailbox):
    reply = ask(mailbox, 1, Message.RESET)
    assert reply == [Message.RESET | ACK, 0x00000002, 0x0101, 0]


@pytest.mark.parametrize("message", [0x7F, Message.SET_VLAN, Message.SET_MACVLAN])
def test_unknown_messages_are_refused_with_clear_to_send(mailbox, message):
    assert ask(mailbox, 0, message) == [message | NACK | CTS]


@pytest.mark.parametrize("version, accepted", [(4, True), (3, True), (2, True), (0, True), (1, False),
                                               (6, False)])
def test_api_versions(mailbox, version, accepted):
    first = ask(mailbox, 0, Message.API_NEGOTIATE, version)[0]
    assert bool(first & ACK) is accepted and bool(first & NACK) is not accepted


@pytest.mark.parametrize("pairs", [1, 2])
def test_queues_are_those_of_the_vport_from_version_1_1_on(mailbox, pairs):
    switch = mailbox.switch
    switch.vports[switch.vfs[0].vport].queue_pairs = pairs
    assert ask(mailbox, 0, Message.GET_QUEUES)[1:] == [pairs, pairs, 1, 0]
    ask(mailbox, 0, Message.API_NEGOTIATE, 0)
    assert ask(mailbox, 0, Message.GET_QUEUES)[0] & NACK


@pytest.mark.parametrize("version, vf_rss, granted", [(4, True, True), (3, True, True), (2, True, False), (4, False, False)])
def test_a_key_is_granted_where_pools_scale_by_themselves(mailbox, version, vf_rss, granted):
    mailbox.driver.settings = replace(mailbox.driver.settings, vf_rss=vf_rss)
    ask(mailbox, 0, Message.API_NEGOTIATE, version)
    first, *key = ask(mailbox, 0, Message.GET_RSS_KEY)
    assert bool(first & ACK) is granted and bool(first & NACK) is not granted
    assert key == [0] * 10 * granted


def test_only_the_assigned_address_is_accepted(mailbox):
    assert ask(mailbox, 0, Message.SET_MAC_ADDR, 0x00000002, 0x0001)[0] & ACK
    assert ask(mailbox, 0, Message.SET_MAC_ADDR, 0x00000002, 0x0101)[0] & NACK


@pytest.mark.parametrize("size, accepted", [(63, False), (64, True), (9728, True), (9729, False)])
def test_frame_size_limits(mailbox, size, accepted):
    assert bool(ask(mailbox, 0, Message.SET_LPE, size)[0] & ACK) is accepted


def test_multicast_hashes_of_all_vfs_share_the_table(mailbox):
    adapter = mailbox.handle.adapter
    assert ask(mailbox, 0, Message.SET_MULTICAST | 2 << 16, 0x021 | 0xFFF << 16)[0] & ACK
    assert ask(mailbox, 1, Message.SET_MULTICAST | 1 << 16, 0x020)[0] & ACK
    assert adapter.value(0, "MTA", 1) == 0b11 and adapter.value(0, "MTA", 127) == 1 << 31
    mailbox.forget(0)
    assert adapter.value(0, "MTA", 1) == 0b01 and adapter.value(0, "MTA", 127) == 0
    assert ask(mailbox, 0, Message.SET_MULTICAST | 31 << 16)[0] & NACK


# what is read ---------------------------------------------------------------------------------------------

def accesses(adapter, kind, name):
    return [(index, value) for function, what, register, index, value in adapter.log
            if (function, what, register) == (0, kind, name)]


def send(adapter, vf_number, *words):
    """A VF's message, as its driver would send it."""
    adapter.write(1 + vf_number, vf.VFMAILBOX, vf.VFMAILBOX.VFU.mask)
    for index, word in enumerate(words):
        adapter.write(1 + vf_number, vf.VFMBMEM[index], word)
    adapter.write(1 + vf_number, vf.VFMAILBOX, vf.VFMAILBOX.REQ.mask)


@pytest.mark.parametrize("words, read", [((Message.SET_LPE, 1518), 2), ((Message.GET_QUEUES, 0, 0, 0, 0), 1),
                                         ((Message.SET_MAC_ADDR, 2, 1), 3), ((Message.SET_MULTICAST,), 16), ((0x7F,), 1)])
def test_a_message_is_read_as_far_as_its_answer_depends_on_it(machine, words, read):
    bench = machine(num_vfs=2).start()
    bench.adapter.log.clear()
    send(bench.adapter, 1, *words)
    bench.env.run(until=bench.env.now + 10**9)
    assert [index for index, _ in accesses(bench.adapter, "read", "PFMBMEM")] == list(range(16, 16 + read))
    assert len(accesses(bench.adapter, "read", "PFMBICR")) == len(accesses(bench.adapter, "read", "PFVFLRE")) == 1


def test_an_acknowledgement_interrupts_nobody(machine):
    bench = machine(num_vfs=2).start()
    bench.adapter.log.clear()
    bench.adapter.write(1, vf.VFMAILBOX, vf.VFMAILBOX.ACK.mask)
    bench.env.run(until=bench.env.now + 10**9)
    assert accesses(bench.adapter, "read", "PFMBICR") == []


def test_a_request_that_comes_while_another_is_served_is_served_too(machine):
    bench = machine(num_vfs=2).start()
    bench.adapter.log.clear()
    send(bench.adapter, 1, Message.SET_MULTICAST)
    while not accesses(bench.adapter, "read", "PFMBMEM"):
        bench.env.step()
    send(bench.adapter, 0, Message.SET_LPE, 1518)
    bench.env.run(until=bench.env.now + 10**9)
    assert {index for index, _ in accesses(bench.adapter, "write", "PFMBMEM")} >= {0, 16}


def test_only_words_of_allocated_vfs_are_looked_at(machine):
    bench = machine(num_vfs=40)
    bench.do(bench.stack.bring_up_pf())
    bench.adapter.log.clear()
    bench.attach(0)
    assert {index for index, _ in accesses(bench.adapter, "read", "PFMBICR")} == {0}
