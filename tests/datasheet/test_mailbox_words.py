"""Words of the mailbox are those of the public drivers: PF and VF of the model read one table, and would agree on any other."""

from __future__ import annotations

from nicmodel.datasheet import mailbox


def test_flags_and_sizes_are_the_public_drivers():
    assert (mailbox.ACK, mailbox.NACK, mailbox.CTS) == (0x8000_0000, 0x4000_0000, 0x2000_0000)
    assert mailbox.WORDS == 16 and mailbox.API_VERSIONS == (4, 3, 2, 0) and mailbox.RSS_VERSIONS == (4, 3)


def test_message_ids_are_the_public_drivers():
    assert {message.name: message.value for message in mailbox.Message} == {
        "RESET": 0x01, "SET_MAC_ADDR": 0x02, "SET_MULTICAST": 0x03, "SET_VLAN": 0x04, "SET_LPE": 0x05, "SET_MACVLAN": 0x06,
        "API_NEGOTIATE": 0x08, "GET_QUEUES": 0x09, "GET_RETA": 0x0A, "GET_RSS_KEY": 0x0B, "UPDATE_XCAST_MODE": 0x0C,
        "GET_LINK_STATE": 0x10, "PF_CONTROL_MSG": 0x100}
