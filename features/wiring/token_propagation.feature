@wiring
Feature: The login's receipt reaches reset-password
  A login is known to reset-password by a receipt that travels through the topic, and by nothing else.

  Scenario: The receipt travels from login to reset-password
    Given ada has an active account
    When ada logs in
    Then the receipt in login_db and rpwd_db is of ada's newest session
    And the topic "login_db.users" has carried that receipt

  Scenario: The receipt opens nothing
    Given ada is logged in
    When ada uses the receipt as a session token
    Then ada is refused with TOKEN_INVALID

  Scenario: A log-out travels too
    Given ada is logged in
    When ada logs out
    Then no receipt of ada is left in login_db and rpwd_db
