@login
Feature: Logging in
  The right password of an active account opens a session; everything else is told as little as possible.

  Scenario: The owner logs in
    Given ada has an active account
    When ada logs in
    Then ada is given a session for 172800 seconds
    And ada's session names her

  Scenario: Before the activation there is no login
    Given ada has signed up
    And ada has reached login_db
    When ada logs in
    Then ada is refused with ACCOUNT_INACTIVE

  Scenario: A wrong password and an unknown address get one answer
    Given ada has an active account
    When ada logs in with "not the password at all"
    And a stranger logs in with "not the password at all"
    Then the two answers are the same but for the request id

  Scenario: An unactivated account is hidden from a wrong password
    Given ada has signed up
    And ada has reached login_db
    When ada logs in with "not the password at all"
    Then ada is refused with LOGIN_FAILED

  @needs_settings
  Scenario: A second try right after a failure is too fast
    Given a platform with LOGIN_RETRY_SECONDS set to 5
    And ada has an active account
    When ada logs in with "not the password at all"
    And ada logs in
    Then ada is refused with TOO_FAST and told to wait at most 5 seconds
    When a stranger logs in with "not the password at all"
    And the same stranger logs in with "not the password at all"
    Then the stranger is refused with TOO_FAST
