@operations @needs_engines @real_mongo
Feature: Members of activation's replica set die and come back
  Who has signed up can activate afterwards, and no activation that was acknowledged is taken back.

  Scenario: The primary dies
    Given people keep signing up
    And ben has an active account
    And ada has signed up
    When the primary of activation's replica set is killed
    Then an activation of ada made after that reaches login_db
    And another member of activation's replica set is the primary
    When what was killed is started again
    Then all three members of activation's replica set are there
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree
    And the databases agree on ada in the end
    And the databases agree on ben in the end

  Scenario: The majority dies
    Given people keep signing up
    And ben has an active account
    And ada has signed up
    When the primary of activation's replica set and one more member are killed
    And what was killed is started again
    Then an activation of ada made after that reaches login_db
    And all three members of activation's replica set are there
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree
    And the databases agree on ada in the end
    And the databases agree on ben in the end
