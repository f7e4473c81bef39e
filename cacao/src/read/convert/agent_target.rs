//! Agents and targets.

use super::Properties;
use crate::model::{Address, AddressKind, AgentTarget, AgentTargetKind, Contact, NetworkMachine};

/// The properties that every agent and target may have.
const COMMON: [&str; 5] = ["type", "name", "description", "location", "agent_target_extensions"];

/// An agent or a target with these properties.
pub(super) fn read(fields: Properties<'_>) -> AgentTarget {
    let word = fields.text_or_empty("type");
    let kind = match word.as_str() {
        "group" => AgentTargetKind::Group(contact(fields)),
        "individual" => AgentTargetKind::Individual(contact(fields)),
        "organization" => AgentTargetKind::Organization(contact(fields)),
        "location" => AgentTargetKind::Location(fields.texts("logical")),
        "sector" => AgentTargetKind::Sector(fields.text_or_empty("sector")),
        "security-category" => AgentTargetKind::SecurityCategory(fields.texts("category")),
        "http-api" => AgentTargetKind::HttpApi(machine(fields)),
        "linux" => AgentTargetKind::Linux(machine(fields)),
        "net-address" => AgentTargetKind::NetAddress(machine(fields)),
        "ssh" => AgentTargetKind::Ssh(machine(fields)),
        _ => AgentTargetKind::Other { word, properties: fields.others(&COMMON) },
    };
    AgentTarget {
        kind,
        name: fields.text_or_empty("name"),
        description: fields.text("description"),
        location: fields.0.get("location").cloned(),
        extensions: fields.extensions("agent_target_extensions"),
    }
}

fn contact(fields: Properties<'_>) -> Contact {
    let contact = fields.map("contact");
    Contact {
        email: contact.map("email").texts_by_name(),
        phone: contact.map("phone").texts_by_name(),
        details: contact.text("contact_details"),
    }
}

fn machine(fields: Properties<'_>) -> NetworkMachine {
    NetworkMachine {
        address: address(fields.map("address")),
        port: fields.text("port"),
        authentication: fields.id("authentication_info"),
        category: fields.texts("category"),
    }
}

fn address(fields: Properties<'_>) -> Address {
    let mut address = Address::default();
    for kind in AddressKind::ALL {
        let values: Vec<String> = match kind {
            AddressKind::Vlan => fields.list(kind.word()).iter().map(ToString::to_string).collect(),
            _ => fields.texts(kind.word()),
        };
        if !values.is_empty() {
            address.values.insert(kind, values);
        }
    }
    address
}
