//! Registrations that are stored without their keys.

use crate::common::{Tool, key, registration};
use lti_ags::{Algorithm, ErrorKind, Policy, PostScore, Score, Signer, SigningKey, StoredRegistration};

fn post() -> PostScore {
    PostScore::new(Score::graded("u-1001", 85.0, 100.0).build().unwrap())
}

fn key_for(algorithm: Algorithm, id: &str) -> SigningKey {
    struct Elsewhere;
    impl Signer for Elsewhere {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(vec![1])
        }
    }
    SigningKey::external(algorithm, id, Elsewhere)
}

#[test]
fn a_registration_is_made_again_from_its_reference_and_a_key() {
    let registration = registration()
        .with_issuer("https://lms.northfield.test")
        .with_audience(vec!["https://a.test".to_owned()])
        .with_claim("tenant", 6)
        .unwrap()
        .with_claim("region", "north")
        .unwrap()
        .with_claim("tenant", 7)
        .unwrap()
        .with_client_id_parameter();
    let payload = serde_json::to_string(&StoredRegistration::from(&registration)).unwrap();
    let stored: StoredRegistration = serde_json::from_str(&payload).unwrap();
    assert_eq!(stored, StoredRegistration::from(&registration));
    assert!(payload.contains(r#""claims":[["region","north"],["tenant",7]]"#), "{payload}");
    assert_eq!((stored.key_id(), stored.algorithm()), ("k-2026-01", Algorithm::Rs256));

    // Token requests of the two are the same to the byte.
    let again = stored.with_key(key()).unwrap();
    assert_eq!(again.issuer(), registration.issuer());
    let requests = [registration, again].map(|registration| {
        let mut tool = Tool::with(registration, Policy::default());
        tool.call(post()).unwrap();
        tool.token_requests.remove(0)
    });
    assert_eq!(requests[0].body(), requests[1].body());
    assert_eq!(requests[0].uri(), requests[1].uri());
}

#[test]
fn a_registration_takes_no_other_key_than_its_own() {
    let stored = || StoredRegistration::from(&registration());
    for (algorithm, id) in [(Algorithm::Rs256, "k-2027-01"), (Algorithm::Es256, "k-2026-01")] {
        let error = stored().with_key(key_for(algorithm, id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
        assert!(error.to_string().contains(id), "{error}");
    }
    let later = serde_json::to_string(&stored()).unwrap().replace("\"version\":1", "\"version\":9");
    let error = serde_json::from_str::<StoredRegistration>(&later).unwrap_err();
    assert!(error.to_string().contains("later release"), "{error}");
}
