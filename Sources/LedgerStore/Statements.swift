// Statements: the list of all SQL the service runs, each prepared once on every connection.
//
// Read by `PostgresStore.statements`. The texts stand beside each other by purpose:
// `AppendStatements`, `ProjectionStatements`, `ReadStatements`, `DriftStatements`,
// `TenantStatements`, `NonceStatements`, `RequestStatements`, `AccessStatements`,
// `RebuildStatements`. No SQL is ever put together from parts.

import PostgresClient

extension Statements {
  static let all: [AnyStatement] = [
    begin.erased, commit.erased, rollback.erased, beginSnapshot.erased,
    lockHead.erased, generation.erased, appendSecrets.erased, appendStages.erased,
    appendVersions.erased, appendPasts.erased, appendFacts.erased, earlierAnswers.erased,
    appendFindings.erased,
    insertEvents.erased, insertAnswers.erased, advanceHead.erased, eventExists.erased,
    upsertSecrets.erased, upsertVersions.erased, upsertStages.erased, upsertFindings.erased,
    windowCoverage.erased, watchEvents.erased, takeLease.erased, giveUpLease.erased,
    webhook.erased, webhookPage.erased, setWebhook.erased, removeWebhook.erased,
    advanceWebhook.erased,
    logSize.erased, standing.erased, secretPage.erased, secretSearch.erased, secretCount.erased,
    labels.erased, versionPage.erased, versionByID.erased,
    knownAt.erased, stageAnswer.erased, stagesAt.erased, stageChanges.erased,
    stageKeys.erased, lateEvents.erased, stageEvents.erased,
    stageHistory.erased, eventPage.erased,
    openFindings.erased, findingByID.erased, findingPage.erased, driftEvents.erased,
    eventsAt.erased, beginRun.erased, endRun.erased, runByID.erased, runPage.erased,
    projectByID.erased, projectPage.erased, insertProject.erased, insertHead.erased,
    updateProject.erased, credentialByToken.erased, credentials.erased, insertCredential.erased,
    signerByAccessKey.erased, signers.erased, replaceSecretKey.erased,
    revokeCredential.erased, claimNonces.erased, forgetNonces.erased,
    insertAccesses.erased, accessPage.erased,
    stream.erased, readHead.erased, eventRows.erased, secretVersions.erased, secretStages.erased,
    secretNames.erased, allFindings.erased, differences.erased, findingDifferences.erased,
    switchGeneration.erased, discardSecrets.erased, discardVersions.erased,
    discardStages.erased, discardRequests.erased, appendRequests.erased,
    requestByPosition.erased, openRequests.erased, secretRequests.erased, upsertRequests.erased,
    discardFindings.erased, databaseCheck.erased,
  ]
}
