@login
Feature: Suspension after repeated failures
  Five failures in a row close an account to new logins for a while, tell its owner, and end nobody's session.

  Scenario: The fifth failure suspends the account
    Given ada has an active account
    When ada fails to log in 5 times
    And ada logs in
    Then ada is refused with LOGIN_FAILED
    And ada's suspension stands in login_db and in signup_db
    And the newest mail to ada says that new logins are refused for a while

  Scenario: Four failures do not
    Given ada has an active account
    When ada fails to log in 4 times
    And ada logs in
    Then ada is given a session

  Scenario: A login in between starts the count again
    Given ada has an active account
    When ada fails to log in 4 times
    And ada logs in
    And ada fails to log in 4 times
    And ada logs in
    Then ada is given a session

  Scenario: Twenty failures at once suspend once
    Given ada has an active account
    When ada fails to log in 20 times at once
    Then ada's suspension stands in login_db and in signup_db

  Scenario: Live sessions stay
    Given ada is logged in
    When ada fails to log in 5 times
    Then ada's session is alive

  Scenario: The suspension ends by itself, and everybody learns of it
    Given ada is suspended
    Then ada can log in once the suspension has ended
    And ada's suspension is lifted in login_db and in signup_db
    And ada is ACTIVE in signup_db

  @needs_settings
  Scenario: A completed reset lifts the suspension
    Given a platform of its own
    And ada is logged in
    And ada is suspended
    When ada resets the password to "a harbour in the evening"
    Then ada can log in with "a harbour in the evening"
    And ada's suspension is lifted in login_db and in signup_db
