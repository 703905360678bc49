//! peer judges single artefacts with the crates dcap-qvl and sev, one JSON document a call:
//!
//!   peer dcap QUOTE COLLATERAL SECONDS [ROOT]   quote, PCK chain, CRLs, TCB info and QE identity at that time, below the
//!                                               root built in or this one: TCB status and advisories
//!   peer snp REPORT VEK [ARK ASK]               whether the report's signature is of that certificate's key, and the chain
use std::{collections::HashMap, error::Error, fs, path::Path, process::exit};

use dcap_qvl::{configs::RustCryptoConfig, verify::QuoteVerifier, QuoteCollateralV3};
use serde_json::{json, value::RawValue, Value};
use sev::certs::snp::{ca, Certificate, Chain, Verifiable};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

type Judged = Result<Value, Box<dyn Error>>;

/// A signed JSON document of the PCS: the value as it was served, byte for byte, and the signature.
fn signed(path: &Path, name: &str) -> Result<(String, Vec<u8>), Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let members: HashMap<String, Box<RawValue>> = serde_json::from_str(&text)?;
    let value = members.get(name).ok_or("the signed value is missing")?.get().to_string();
    let signature: String = serde_json::from_str(members.get("signature").ok_or("the signature is missing")?.get())?;
    Ok((value, hex::decode(signature)?))
}

fn collateral(folder: &Path) -> Result<QuoteCollateralV3, Box<dyn Error>> {
    let (tcb_info, tcb_info_signature) = signed(&folder.join("tcb_info.json"), "tcbInfo")?;
    let (qe_identity, qe_identity_signature) = signed(&folder.join("qe_identity.json"), "enclaveIdentity")?;
    Ok(QuoteCollateralV3 {
        pck_crl_issuer_chain: fs::read_to_string(folder.join("pck_crl_issuer_chain.pem")).unwrap_or_default(),
        root_ca_crl: fs::read(folder.join("root_ca_crl.der"))?,
        pck_crl: fs::read(folder.join("pck_crl.der"))?,
        tcb_info_issuer_chain: fs::read_to_string(folder.join("tcb_info_issuer_chain.pem"))?,
        tcb_info,
        tcb_info_signature,
        qe_identity_issuer_chain: fs::read_to_string(folder.join("qe_identity_issuer_chain.pem"))?,
        qe_identity,
        qe_identity_signature,
        pck_certificate_chain: None,
    })
}

fn dcap(quote: &str, folder: &str, seconds: &str, root: Option<&str>) -> Judged {
    let verifier: QuoteVerifier<RustCryptoConfig> = match root {
        Some(path) => QuoteVerifier::new_with_config(fs::read(path)?),
        None => QuoteVerifier::new_prod().with_config(),
    };
    let report = verifier.verify(&fs::read(quote)?, &collateral(Path::new(folder))?, seconds.parse()?).map_err(|error| format!("{error:#}"))?;
    Ok(json!({"status": report.status, "advisories": report.advisory_ids}))
}

fn certificate(path: &str) -> Result<Certificate, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    Ok(if bytes.starts_with(b"-----BEGIN") { Certificate::from_pem(&bytes)? } else { Certificate::from_der(&bytes)? })
}

fn snp(report: &str, key: &str, authority: Option<(&str, &str)>) -> Judged {
    let report = AttestationReport::from_bytes(&fs::read(report)?)?;
    let vek = certificate(key)?;
    match authority {
        Some((ark, ask)) => (&Chain { ca: ca::Chain { ark: certificate(ark)?, ask: certificate(ask)? }, vek }, &report).verify()?,
        None => (&vek, &report).verify()?,
    }
    Ok(json!("ok"))
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let judged = match args[..] {
        ["dcap", quote, folder, seconds] => dcap(quote, folder, seconds, None),
        ["dcap", quote, folder, seconds, root] => dcap(quote, folder, seconds, Some(root)),
        ["snp", report, key] => snp(report, key, None),
        ["snp", report, key, ark, ask] => snp(report, key, Some((ark, ask))),
        _ => {
            eprintln!("usage: peer dcap QUOTE COLLATERAL SECONDS [ROOT] | snp REPORT VEK [ARK ASK]");
            exit(2);
        }
    };
    println!("{}", match judged {
        Ok(result) => json!({ "result": result }),
        Err(error) => json!({ "error": error.to_string() }),
    });
}
