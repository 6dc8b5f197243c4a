@journeys
Feature: The whole story of an account
  From the first form to the new password, through four services that never call each other.

  Scenario: Sign-up, activation, login, reset and login again
    Given the body of the original's example, with ada's address
    When ada signs up with that body
    Then ada is answered INACTIVE
    When ada follows the link
    Then ada is answered ACTIVE
    And ada can log in with "password"
    And ada's login is known to reset-password
    When ada asks for a reset
    Then ada is mailed a reset link
    When ada chooses the password "password2"
    Then ada is told PASSWORD_CHANGED
    And ada can log in with "password2"
    And ada cannot log in with "password"
    And the databases agree on ada in the end

  Scenario: Refused before each step is due
    Given ada has signed up
    And ada has reached login_db
    When ada logs in
    Then ada is refused with ACCOUNT_INACTIVE
    When ada asks for a reset
    Then ada is refused with LOGIN_REQUIRED
    When ada follows the link
    Then ada is ACTIVE in login_db
    When ada asks for a reset
    Then ada is refused with LOGIN_REQUIRED
    When ada logs in
    Then ada is given a session

  Scenario: Many people at once keep to themselves
    When 20 people go the whole way at once
    Then each of them can log in with the new password of their own
