//! Ours, on the calling thread: `lti-ags-ureq`.

use lti_ags_ureq::{
    Client, Endpoint, ListResults, Passback, PostScore, Registration, Row, Score, SigningKey,
};
use peers::{Job, Meter};

fn main() {
    let job = Job::from_arguments();
    let known = &job.registration;
    let key = SigningKey::from_pem(&known.private_key).unwrap().with_key_id(&known.key_id);
    let registration = Registration::new(&known.client_id, &known.token_endpoint, key).unwrap();
    let endpoint = Endpoint::for_line_item(&*job.line_item).unwrap();
    let score = |learner: &String| Score::graded(learner, job.score, 100.0).build().unwrap();

    let meter = Meter::new();
    let client = Client::new(registration);
    let done = match &*job.task {
        "sequential" => {
            for learner in &known.learners {
                client.call(&endpoint, PostScore::new(score(learner))).unwrap();
            }
            known.learners.len()
        }
        "concurrent" => {
            let rows = known.learners.iter().map(|learner| Row::new(score(learner)));
            let passback = Passback::new(&endpoint).concurrency(job.at_once);
            let mut settlements = client.pass_back(passback, rows);
            settlements.by_ref().for_each(drop);
            usize::try_from(settlements.summary().sent).unwrap()
        }
        _ => client.items(&endpoint, ListResults::new()).map(Result::unwrap).count(),
    };
    meter.tell(done, None);
}
