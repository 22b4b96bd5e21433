//! Twice reconciled is once written: with everything Ready, further passes and a restart write nothing.

use landbridge_tests::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn over_the_whole_sample_further_passes_and_a_restart_make_no_mutating_call() {
    let mut stage = Stage::start(60.0).await;
    stage.open_the_shop().await;
    stage.emulator.take_calls();
    for round in ["first", "second"] {
        stage.reconcile_all_now(round).await;
        stage.sweeps(2).await;
    }
    assert_eq!(stage.writes(), Vec::<String>::new());

    // A process that ended well, and one that was killed.
    stage.stop_operator().await;
    stage.start_operator().await;
    stage.reconcile_all_now("after a stop").await;
    stage.sweeps(2).await;
    stage.kill_operator();
    stage.release_leases().await;
    stage.start_operator().await;
    stage.reconcile_all_now("after a kill").await;
    stage.sweeps(2).await;
    assert_eq!(stage.writes(), Vec::<String>::new());
    stage.until_current().await;
    stage.end().await;
}
