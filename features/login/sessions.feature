@login
Feature: Sessions
  People see where they are logged in, and end what they do not want.

  Scenario: Logging out ends the session at once
    Given ada is logged in
    When ada logs out
    Then ada's session is dead
    And no receipt of ada is left in login_db and rpwd_db

  Scenario: The old address of logging out works too
    Given ada is logged in
    When ada logs out by GET
    Then ada's session is dead

  Scenario: Logging out of nothing says nothing
    When a stranger logs out with an unknown token
    Then the answer is as for a log-out

  Scenario: Each session is listed, and can be ended by the others
    Given ada is logged in
    And ada is logged in again
    When ada lists her sessions
    Then ada sees 2 sessions, one of them the current one
    When ada ends the first session
    Then ada's first session is dead
    And ada's session is alive

  Scenario: All other sessions are ended at once
    Given ada is logged in
    And ada is logged in again
    And ada is logged in again
    When ada ends all other sessions
    Then ada sees 1 session in her list

  Scenario: Nobody ends the session of another
    Given ada is logged in
    And bob is logged in
    When bob ends ada's session
    Then bob is refused with SESSION_UNKNOWN
    And ada's session is alive

  Scenario: The receipt is that of the newest live session
    Given ada is logged in
    And ada is logged in again
    When ada ends the newest session from the first
    Then the receipt in login_db and rpwd_db is of ada's first session

  Scenario: An activation link opens no session
    Given ada has signed up
    When ada uses the activation link as a session token
    Then ada is refused with TOKEN_INVALID
