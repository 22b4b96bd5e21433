//! The keys of one control plane: a certificate authority, the API server's serving certificate, the key that signs
//! service account tokens, and the administrator's token. Each run makes its own and keeps them in its run directory.

use std::{fs, net::Ipv4Addr, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::error::{Doing, Result};

/// What clients need to trust the API server and to be trusted by it.
#[derive(Debug)]
pub(crate) struct Certs {
    /// The certificate authority, PEM.
    pub(crate) ca: String,
    /// The administrator's bearer token.
    pub(crate) token: String,
}

impl Certs {
    /// Makes them and writes what the API server reads: `serving.crt`, `serving.key`, `tokens.csv`,
    /// `service-accounts.key` and `.pub`, and the authority itself for pods, `ca.crt`.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        let (ca, issuer) = authority()?;
        let serving_key = KeyPair::generate()?;
        let serving = serving_params()?.signed_by(&serving_key, &issuer)?;
        let accounts = KeyPair::generate()?;
        // Two version 4 UUIDs: 244 random bits.
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        for (name, text) in [
            ("ca.crt", ca.clone()),
            ("serving.crt", serving.pem()),
            ("serving.key", serving_key.serialize_pem()),
            ("service-accounts.key", accounts.serialize_pem()),
            // The API server takes an elliptic-curve key for checking only as a public key.
            ("service-accounts.pub", accounts.public_key_pem()),
            ("tokens.csv", format!("{token},admin,admin,system:masters\n")),
        ] {
            let path = dir.join(name);
            fs::write(&path, text).doing(|| format!("writing {}", path.display()))?;
        }
        Ok(Self { ca, token })
    }
}

fn authority() -> Result<(String, Issuer<'static, KeyPair>)> {
    let mut params = with_validity(CertificateParams::default());
    params.distinguished_name.push(DnType::CommonName, "landbridge-sandbox-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

fn serving_params() -> Result<CertificateParams> {
    let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned);
    let mut params = with_validity(CertificateParams::new(names)?);
    params.subject_alt_names.push(rcgen::SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Fixed dates: the keys live as long as one run, and a machine whose clock is wrong must be able to play too.
fn with_validity(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}
